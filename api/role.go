package api

import (
	"strings"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

// rule says who may call a method. One without a role can be called by nobody.
type rule struct {
	role  config.Role
	local bool // on the unix socket only
}

// foreignRules are the rules of services that are not ours, and whose methods cannot say a role themselves.
func foreignRules() map[string]rule {
	return map[string]rule{
		healthv1.Health_ServiceDesc.ServiceName:                    {role: config.Read},
		reflectionv1.ServerReflection_ServiceDesc.ServiceName:      {role: config.Read, local: true},
		reflectionv1alpha.ServerReflection_ServiceDesc.ServiceName: {role: config.Read, local: true},
	}
}

// rulesOf reads the roles that the schema gives to the methods of the services, by full method name.
func rulesOf(services map[string]grpc.ServiceInfo) map[string]rule {
	rules, foreign := map[string]rule{}, foreignRules()
	for service, info := range services {
		for _, method := range info.Methods {
			full := "/" + service + "/" + method.Name
			if r, ok := foreign[service]; ok {
				rules[full] = r
				continue
			}
			if r := roleOf(service, method.Name); r != config.NoRole {
				rules[full] = rule{role: r}
			}
		}
	}
	return rules
}

// roleOf reads the option of one method.
func roleOf(service, method string) config.Role {
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service + "." + method))
	if err != nil {
		return config.NoRole
	}
	role, _ := proto.GetExtension(d.Options(), sixfoldv1.E_Role).(sixfoldv1.Role)
	switch role {
	case sixfoldv1.Role_ROLE_READ:
		return config.Read
	case sixfoldv1.Role_ROLE_OPERATE:
		return config.Operate
	case sixfoldv1.Role_ROLE_ADMIN:
		return config.Admin
	}
	return config.NoRole
}

// shortMethod is the name of a method for people: ConfigService/Apply.
func shortMethod(full string) string {
	full = strings.TrimPrefix(full, "/")
	service, method, _ := strings.Cut(full, "/")
	return service[strings.LastIndexByte(service, '.')+1:] + "/" + method
}
