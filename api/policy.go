package api

import (
	"crypto/x509"
	"fmt"
	"os/user"
	"strconv"
	"strings"

	"github.com/sixfold-router/sixfold/router/config"
)

const (
	// readers is the group that may look while the configuration says nothing of users and groups.
	readers = "sixfold"
	// roleURI begins the URI of a certificate that says its role itself.
	roleURI = "urn:sixfold:role:"
)

// policy says which roles callers have. It is not changed after it was made.
type policy struct {
	self         uint32 // the user that the daemon runs as
	users        map[uint32]config.Role
	groups       map[uint32]config.Role
	certificates map[string]config.Role
}

// newPolicy resolves the names of a configuration. Those that the machine does not know are left out, and returned as warnings.
func newPolicy(c config.API, self uint32) (*policy, []string) {
	p := &policy{self: self, certificates: map[string]config.Role{}}
	var unknown []string
	p.users = resolveAll(c.Users, "user", lookupUser, &unknown)
	p.groups = resolveAll(c.Groups, "group", lookupGroup, &unknown)
	if len(c.Users)+len(c.Groups) == 0 {
		if gid, err := lookupGroup(readers); err == nil {
			p.groups[gid] = config.Read
		}
	}
	if c.TCP != nil {
		for _, g := range c.TCP.Roles {
			p.certificates[g.Name] = g.Role
		}
	}
	return p, unknown
}

func resolveAll(grants []config.Grant, kind string, look func(string) (uint32, error), unknown *[]string) map[uint32]config.Role {
	roles := map[uint32]config.Role{}
	for _, g := range grants {
		id, err := look(g.Name)
		if err != nil {
			*unknown = append(*unknown, fmt.Sprintf("api.%ss: %s %q is not known on this machine and gets no role", kind, kind, g.Name))
			continue
		}
		roles[id] = max(roles[id], g.Role)
	}
	return roles
}

func lookupUser(name string) (uint32, error) {
	if id, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(id), nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseUint(u.Uid, 10, 32)
	return uint32(id), err
}

func lookupGroup(name string) (uint32, error) {
	if id, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(id), nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseUint(g.Gid, 10, 32)
	return uint32(id), err
}

// local is the role of a process on the unix socket: the highest of those of its user and its groups.
func (p *policy) local(uid uint32, groups []uint32) config.Role {
	if uid == 0 || uid == p.self {
		return config.Admin
	}
	role := p.users[uid]
	for _, g := range groups {
		role = max(role, p.groups[g])
	}
	return role
}

// remote is the role of a certificate: the highest of those that it says itself and that its names have.
func (p *policy) remote(cert *x509.Certificate) config.Role {
	role := config.NoRole
	for _, name := range certificateNames(cert) {
		role = max(role, p.certificates[name])
	}
	for _, uri := range cert.URIs {
		if word, ok := strings.CutPrefix(uri.String(), roleURI); ok {
			role = max(role, config.ParseRole(word))
		}
	}
	return role
}

// certificateNames returns the URIs and DNS names of a certificate, or else its common name (RFC 6125 6.4.4).
func certificateNames(cert *x509.Certificate) []string {
	var names []string
	for _, uri := range cert.URIs {
		names = append(names, uri.String())
	}
	names = append(names, cert.DNSNames...)
	if len(names) == 0 && cert.Subject.CommonName != "" {
		names = append(names, cert.Subject.CommonName)
	}
	return names
}

// certificateName is what a certificate is called in logs: a name that is not only a role, if it has one.
func certificateName(cert *x509.Certificate) string {
	names := certificateNames(cert)
	for _, n := range names {
		if !strings.HasPrefix(n, roleURI) {
			return n
		}
	}
	switch {
	case cert.Subject.CommonName != "":
		return cert.Subject.CommonName
	case len(names) > 0:
		return names[0]
	}
	return "serial " + cert.SerialNumber.String()
}
