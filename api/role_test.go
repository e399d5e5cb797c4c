package api

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

func TestEveryMethodHasARole(t *testing.T) {
	rules, methods := allMethods()
	if len(methods) < 30 {
		t.Fatalf("only %d methods: %q", len(methods), methods)
	}
	for _, m := range methods {
		if r := rules[m]; r.role == config.NoRole {
			t.Errorf("%s has no role: give it one with option (role)", m)
		}
	}
	for m, want := range map[string]rule{
		sixfoldv1.ConfigService_Apply_FullMethodName:                     {role: config.Admin},
		sixfoldv1.ConfigService_Rollback_FullMethodName:                  {role: config.Admin},
		sixfoldv1.ConfigService_Get_FullMethodName:                       {role: config.Read},
		sixfoldv1.OperateService_ReleaseLease_FullMethodName:             {role: config.Operate},
		"/grpc.health.v1.Health/Check":                                   {role: config.Read},
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      {role: config.Read, local: true},
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": {role: config.Read, local: true},
	} {
		if rules[m] != want {
			t.Errorf("%s: %+v, want %+v", m, rules[m], want)
		}
	}
}

// Nothing of what only admins see may stand in a message that is not a configuration.
func TestSecretsAreInConfigOnly(t *testing.T) {
	seen := map[protoreflect.FullName]bool{}
	var look func(d protoreflect.MessageDescriptor) bool
	look = func(d protoreflect.MessageDescriptor) bool {
		if seen[d.FullName()] || d.FullName() == "sixfold.v1.Config" {
			return false
		}
		seen[d.FullName()] = true
		for i := range d.Fields().Len() {
			f := d.Fields().Get(i)
			if config.Secret(f) || f.Message() != nil && look(f.Message()) {
				return true
			}
		}
		return false
	}
	for _, file := range []protoreflect.FileDescriptor{
		sixfoldv1.File_sixfold_v1_config_service_proto, sixfoldv1.File_sixfold_v1_state_service_proto, sixfoldv1.File_sixfold_v1_operate_service_proto,
	} {
		for i := range file.Messages().Len() {
			if m := file.Messages().Get(i); look(m) {
				t.Errorf("%s has a secret field", m.FullName())
			}
		}
	}
}

func TestShortMethod(t *testing.T) {
	for full, want := range map[string]string{
		"/sixfold.v1.ConfigService/Apply": "ConfigService/Apply", "/x/y": "x/y", "": "/", "nothing": "nothing/",
	} {
		if got := shortMethod(full); got != want {
			t.Errorf("shortMethod(%q) = %q, want %q", full, got, want)
		}
	}
}
