package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sixfold-router/sixfold/api"
	"github.com/sixfold-router/sixfold/api/apitest"
	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/plan"
)

var update = flag.Bool("update", false, "write the golden files")

var tableNow = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// human returns how an answer of the daemon is printed.
func human[M proto.Message](ask func(context.Context, *client) (M, error), print func(printer, M) error) func(context.Context, *client, printer, func(proto.Message)) error {
	return func(ctx context.Context, c *client, p printer, spoil func(proto.Message)) error {
		m, err := ask(ctx, c)
		if err != nil {
			return err
		}
		spoil(m)
		return print(p, m)
	}
}

// tables are all tables there are.
func tables() map[string]func(context.Context, *client, printer, func(proto.Message)) error {
	return map[string]func(context.Context, *client, printer, func(proto.Message)) error{
		"interfaces": human(listInterfaces, printInterfaces),
		"devices":    human(deviceList, printInterfaces),
		"routes": human(func(ctx context.Context, c *client) (*sixfoldv1.ListRoutesResponse, error) {
			return listRoutes(ctx, c, &sixfoldv1.ListRoutesRequest{})
		}, printRoutes),
		"vrfs":     human(listVRFs, printVRFs),
		"prefixes": human(listPrefixes, printPrefixes),
		"prefix":   human(listPrefixes, printPrefix),
		"leases": human(func(ctx context.Context, c *client) (*sixfoldv1.ListLeasesResponse, error) {
			return listLeases(ctx, c, newLeaseRequest())
		}, printLeases),
		"neighbors": human(func(ctx context.Context, c *client) (*sixfoldv1.ListNeighborsResponse, error) {
			return listNeighbors(ctx, c, &sixfoldv1.ListNeighborsRequest{})
		}, printNeighbors),
		"bgp": human(getBGP, printBGP),
		"bgp_neighbor": human(func(ctx context.Context, c *client) (*sixfoldv1.BgpNeighborState, error) {
			m, err := getBGP(ctx, c)
			return m.GetNeighbors()[0], err
		}, printBGPNeighbor),
		"bgp_routes": human(func(ctx context.Context, c *client) (*sixfoldv1.ListBgpPathsResponse, error) {
			return listBGPPaths(ctx, c, &sixfoldv1.ListBgpPathsRequest{})
		}, printBGPPaths),
		"ra":        human(listAdvertisements, printAdvertisements),
		"routers":   human(listRouters, printRouters),
		"ra_wire":   human(wireOfSample, printWire),
		"vxlan":     human(listVXLANs, printVXLANs),
		"vxlan_one": human(listVXLANs, printVXLAN),
		"fdb": human(func(ctx context.Context, c *client) (*sixfoldv1.ListVxlanForwardingResponse, error) {
			return listForwarding(ctx, c, "vxlan1000")
		}, printForwarding),
		"dhcpv6":         human(getDHCPv6, printDHCPv6),
		"mld_groups":     human(allMLDGroups, printMLDGroups),
		"mld_interfaces": human(listMLDInterfaces, printMLDInterfaces),
		"mroute":         human(listMroutes, printMroutes),
		"consumers":      human(listConsumers, printConsumers),
		"consumer":       human(listConsumers, printConsumer),
		"pending":        human(listPending, printPending),
		"drift":          human(listDrift, printDrift),
		"units":          human(getVersion, printUnits),
		"revisions": human(func(context.Context, *client) (*sixfoldv1.ListRevisionsResponse, error) {
			return revisionList(), nil
		}, printRevisions),
		"audit": human(func(context.Context, *client) (*sixfoldv1.ListAuditResponse, error) { return auditList(), nil }, printAudit),
		"plan":  human(func(context.Context, *client) (*sixfoldv1.PlanResponse, error) { return planned(), nil }, printPlan),
		"applied": human(func(context.Context, *client) (*sixfoldv1.ApplyResponse, error) {
			return &sixfoldv1.ApplyResponse{
				Revision: revisionList().GetRevisions()[0], Operations: planned().GetOperations(), Pending: planned().GetPending(),
			}, nil
		}, func(p printer, m *sixfoldv1.ApplyResponse) error { return printCommitted(p, m, 0, true) }),
		"version":       human(getVersion, printVersion),
		"firewall":      human(getFirewall, printFirewall),
		"firewall_sets": human(listFirewallSets, printFirewallSets),
		"firewall_nat":  human(listFirewallTranslations, printFirewallTranslations),
		"firewall_policy": human(func(ctx context.Context, c *client) (*sixfoldv1.ListFirewallRulesResponse, error) {
			return listFirewallRules(ctx, c, &sixfoldv1.ListFirewallRulesRequest{})
		}, printFirewallRules),
	}
}

func revisionList() *sixfoldv1.ListRevisionsResponse {
	at := func(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(tableNow.Add(d)) }
	return &sixfoldv1.ListRevisionsResponse{Revisions: []*sixfoldv1.Revision{
		{Id: 11, Time: at(-time.Minute), Author: "root", Result: "unconfirmed", Name: "config edit", Comment: "new uplink", Running: true, ConfirmBy: at(4 * time.Minute)},
		{Id: 10, Time: at(-time.Hour), Author: "alice", Result: "failed", Name: "lab.yaml", Reason: "kernel: set mtu of lan0: operation not supported"},
		{Id: 9, Time: at(-30 * time.Hour), Author: "root", Result: "applied", Name: "/etc/sixfold/config.yaml", Comment: "rollback to revision 7"},
	}}
}

func auditList() *sixfoldv1.ListAuditResponse {
	return &sixfoldv1.ListAuditResponse{Records: []*sixfoldv1.AuditRecord{
		{Id: 2, Time: timestamppb.New(tableNow), Caller: "joe", Role: "read", Origin: "unix:uid=1000,pid=42", Method: "ConfigService/Apply",
			Request: "name: x.yaml", Code: "PERMISSION_DENIED", Message: "joe has the role read, and this needs admin"},
		{Id: 1, Time: timestamppb.New(tableNow), Caller: "root", Role: "admin", Origin: "unix:uid=0,pid=7", Method: "OperateService/ReleaseLease", Request: "prefix: ::1", Code: "OK"},
	}}
}

func planned() *sixfoldv1.PlanResponse {
	return &sixfoldv1.PlanResponse{Operations: []*sixfoldv1.Operation{
		{Unit: "kernel", Object: "lan0", Action: "set mtu to 1400", Class: "live"},
		{Unit: "bgp", Object: "neighbor isp", Action: "start again", Class: "recreate", Warning: "the BGP session ends for a moment"},
	}, Pending: []*sixfoldv1.Pending{{What: "interfaces.lan0", Reason: "there is no such link"}}}
}

// withDaemon calls do with a client of a daemon that has b behind it.
func withDaemon(t *testing.T, b api.Backend, do func(context.Context, *client) error) {
	t.Helper()
	s := api.NewServer(slog.New(slog.DiscardHandler), b, "v1.2.3")
	socket := filepath.Join(t.TempDir(), "s")
	if err := s.Listen(socket); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	a := &app{socket: socket, timeout: time.Minute}
	if err := a.daemon(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}

func TestTables(t *testing.T) {
	for name, show := range tables() {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			withDaemon(t, sample(tableNow), func(ctx context.Context, c *client) error {
				return show(ctx, c, printer{out: &out, err: io.Discard, now: tableNow}, func(m proto.Message) {
					if v, ok := m.(*sixfoldv1.GetVersionResponse); ok {
						v.Started = v.GetUnits()[0].GetSince() // the server's own clock
						v.Version = versionText()
					}
				})
			})
			got := strings.ReplaceAll(out.String(), versionText(), "VERSION")
			golden := filepath.Join("testdata", "table", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", golden, diff)
			}
			for _, line := range strings.Split(got, "\n") {
				if strings.TrimRight(line, " ") != line {
					t.Errorf("a line ends in spaces: %q", line)
				}
				if w := displayWidth(line); w > 125 {
					t.Errorf("a line has %d columns: %q", w, line)
				}
			}
		})
	}
}

// ugly has what breaks tables: line ends, tabs, escape sequences, wide and combining characters, emptiness, length.
var ugly = []string{"", "line\nend", "tab\there", "\x1b[31mred\x1b[0m", "日本語インターフェース", "é́́", "🙂", strings.Repeat("long ", 60), "\u202Eesrever", "  spaces  ", "\r\r", "\ufffd"}

// spoil replaces every text of a message, deeply, except those that say which of a few kinds a thing is.
func spoil(m protoreflect.Message, n *int) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
		case f.IsList() && f.Kind() == protoreflect.MessageKind:
			for i := range v.List().Len() {
				spoil(v.List().Get(i).Message(), n)
			}
		case f.IsList() && f.Kind() == protoreflect.StringKind:
			for i := range v.List().Len() {
				*n++
				v.List().Set(i, protoreflect.ValueOfString(ugly[*n%len(ugly)]))
			}
		case f.Kind() == protoreflect.MessageKind:
			spoil(v.Message(), n)
		case f.Kind() == protoreflect.StringKind:
			*n++
			m.Set(f, protoreflect.ValueOfString(ugly[*n%len(ugly)]))
		}
		return true
	})
}

func TestTablesWithUglyData(t *testing.T) {
	for name, show := range tables() {
		t.Run(name, func(t *testing.T) {
			b := sample(tableNow)
			withDaemon(t, b, func(ctx context.Context, c *client) error {
				for seed := range len(ugly) {
					var out bytes.Buffer
					n := seed
					if err := show(ctx, c, printer{out: &out, err: io.Discard, now: tableNow}, func(m proto.Message) { spoil(m.ProtoReflect(), &n) }); err != nil {
						return err
					}
					for _, r := range out.String() {
						if r != '\n' && safeRune(r) != r {
							t.Errorf("seed %d: %q reaches the terminal", seed, r)
						}
					}
				}
				return nil
			})
		})
	}
}

// TestColumns holds that every cell of a column starts, or for numbers ends, in the same column of the terminal.
func TestColumns(t *testing.T) {
	for shift := range len(ugly) {
		tab := newTable("FIRST", "SECOND", ">THIRD", "FOURTH")
		var marks []string
		for i := range len(ugly) {
			mark := fmt.Sprintf("<%d>", i%10)
			marks = append(marks, mark)
			tab.add(ugly[i], ugly[(i+shift)%len(ugly)], number(uint64(i*i*i*i)), mark)
		}
		tab.more("", "", "", "<+>")
		lines := tab.lines()
		start := displayWidth(lines[0][:strings.Index(lines[0], "FOURTH")])
		for i, mark := range append(marks, "<+>") {
			line := lines[i+1]
			at := strings.LastIndex(line, mark)
			if at < 0 || displayWidth(line[:at]) != start {
				t.Errorf("shift %d: %s is not in column %d of %q", shift, mark, start, line)
			}
		}
	}
}

func TestEmptyTables(t *testing.T) {
	for name, show := range tables() {
		if slices.Contains([]string{"bgp_neighbor", "version", "revisions", "audit", "plan", "applied", "devices", "vxlan_one", "fdb", "ra_wire"}, name) {
			continue // they are about something that is there
		}
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			withDaemon(t, &apitest.Backend{}, func(ctx context.Context, c *client) error {
				return show(ctx, c, printer{out: &out, err: &errs, now: tableNow}, func(proto.Message) {})
			})
			if out.Len() != 0 || errs.Len() == 0 {
				t.Errorf("stdout %q, stderr %q, want nothing and a line", out.String(), errs.String())
			}
		})
	}
}

func TestCompletion(t *testing.T) {
	withDaemon(t, sample(tableNow), func(ctx context.Context, c *client) error {
		for name, tt := range map[string]struct {
			names func(context.Context, *client) ([]string, error)
			want  []string
		}{
			"neighbors":   {neighborNames, []string{"isp", "lab"}},
			"delegations": {delegationNames, []string{"backup", "isp"}},
			"leases":      {leasePrefixes, []string{"2001:db8:1::5054", "2001:db8:1:1::7", "2001:db8:1:100::/60"}},
		} {
			got, err := tt.names(ctx, c)
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("%s: error %v (-want +got):\n%s", name, err, diff)
			}
		}
		return nil
	})
}

func TestEveryPageIsRead(t *testing.T) {
	b := &apitest.Backend{}
	for i := range 2*pageSize + 1 {
		b.PendingList = append(b.PendingList, plan.Pending{What: fmt.Sprint(i), Reason: "x"})
	}
	withDaemon(t, b, func(ctx context.Context, c *client) error {
		m, err := listPending(ctx, c)
		if len(m.GetPending()) != len(b.PendingList) {
			t.Errorf("%d elements, want %d", len(m.GetPending()), len(b.PendingList))
		}
		return err
	})
}
