package api

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router"
)

// defaultInstance is what the instance of all that is in no VRF is called in requests.
const defaultInstance = "default"

func (s *stateService) ListVrfs(ctx context.Context, req *sixfoldv1.ListVrfsRequest) (*sixfoldv1.ListVrfsResponse, error) {
	items, next, err := list(ctx, req, s.backend.VRFs, nil, func(v router.VRFStatus) string { return natural(v.Name) }, vrfState)
	if err != nil {
		return nil, err
	}
	return &sixfoldv1.ListVrfsResponse{Vrfs: items, NextPageToken: next}, nil
}

func vrfState(v router.VRFStatus) *sixfoldv1.VrfState {
	m := &sixfoldv1.VrfState{
		Name: clean(v.Name), Table: v.Table, Management: v.Management, Up: v.Up, Interfaces: cleanAll(v.Interfaces),
		Routes: uint64(max(v.Routes, 0)), Services: cleanAll(v.Services), Problem: clean(v.Problem),
	}
	for _, a := range v.DNS {
		m.Dns = append(m.Dns, addrText(a))
	}
	return m
}

// routesOf returns the routes of one instance, or all if the name is empty.
func (s *stateService) routesOf(ctx context.Context, vrf string, all []router.RouteStatus) ([]router.RouteStatus, error) {
	switch vrf {
	case "":
		return all, nil
	case defaultInstance:
		return slices.DeleteFunc(all, func(r router.RouteStatus) bool { return r.VRF != "" }), nil
	}
	vrfs, err := s.backend.VRFs(ctx)
	if err != nil {
		return nil, err
	}
	names := []string{defaultInstance}
	for _, v := range vrfs {
		names = append(names, v.Name)
	}
	if err := find("VRF", vrf, names); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(r router.RouteStatus) bool { return r.VRF != vrf }), nil
}

func (s *operateService) Resolve(ctx context.Context, req *sixfoldv1.ResolveRequest) (*sixfoldv1.ResolveResponse, error) {
	name := req.GetName()
	if name == "" || len(name) > 254 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, status.Errorf(codes.InvalidArgument, "%q is not a domain name", name)
	}
	found, err := s.backend.Resolve(ctx, name)
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return nil, status.Errorf(codes.NotFound, "%s has no address", name)
	case errors.As(err, &dns):
		return nil, status.Errorf(codes.Aborted, "look up %s%s: %s", name, inVRF(found.VRF), clean(dns.Error()))
	case err != nil:
		return nil, err
	}
	resp := &sixfoldv1.ResolveResponse{Vrf: clean(found.VRF)}
	for _, a := range found.Addresses {
		resp.Addresses = append(resp.Addresses, addrText(a))
	}
	for _, a := range found.Servers {
		resp.Servers = append(resp.Servers, addrText(a))
	}
	return resp, nil
}
