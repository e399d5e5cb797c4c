package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

// question is one RPC and how its answer is printed.
type question struct {
	name string
	ask  func(context.Context, *client) (proto.Message, error)
	text func(printer, proto.Message) error
}

func questionOf[M proto.Message](name string, ask func(context.Context, *client) (M, error), text func(printer, M) error) question {
	return question{name,
		func(ctx context.Context, c *client) (proto.Message, error) { return ask(ctx, c) },
		func(p printer, m proto.Message) error { return text(p, m.(M)) },
	}
}

// questions are all RPCs that list.
func questions() []question {
	return []question{
		questionOf("version", getVersion, printVersion),
		questionOf("interfaces", listInterfaces, printInterfaces),
		questionOf("routes", func(ctx context.Context, c *client) (*sixfoldv1.ListRoutesResponse, error) {
			return listRoutes(ctx, c, &sixfoldv1.ListRoutesRequest{PageSize: pageSize})
		}, printRoutes),
		questionOf("prefixes", listPrefixes, printPrefixes),
		questionOf("leases", func(ctx context.Context, c *client) (*sixfoldv1.ListLeasesResponse, error) {
			return listLeases(ctx, c, newLeaseRequest())
		}, printLeases),
		questionOf("neighbors", func(ctx context.Context, c *client) (*sixfoldv1.ListNeighborsResponse, error) {
			return listNeighbors(ctx, c, &sixfoldv1.ListNeighborsRequest{PageSize: pageSize})
		}, printNeighbors),
		questionOf("bgp", getBGP, printBGP),
		questionOf("bgp-paths", func(ctx context.Context, c *client) (*sixfoldv1.ListBgpPathsResponse, error) {
			return listBGPPaths(ctx, c, &sixfoldv1.ListBgpPathsRequest{PageSize: pageSize})
		}, printBGPPaths),
		questionOf("ra", listAdvertisements, printAdvertisements),
		questionOf("routers", listRouters, printRouters),
		questionOf("vrfs", listVRFs, printVRFs),
		questionOf("vxlan", listVXLANs, printVXLANs),
		questionOf("firewall", getFirewall, printFirewall),
		questionOf("dhcpv6", getDHCPv6, printDHCPv6),
		questionOf("consumers", listConsumers, printConsumers),
		questionOf("pending", listPending, printPending),
		questionOf("drift", listDrift, printDrift),
		questionOf("mld-interfaces", listMLDInterfaces, printMLDInterfaces),
		questionOf("mld-groups", allMLDGroups, printMLDGroups),
		questionOf("mroute", listMroutes, printMroutes),
		questionOf("audit", listAudit, printAudit),
		questionOf("revisions", listRevisions, printRevisions),
		questionOf("config", func(ctx context.Context, c *client) (*sixfoldv1.GetResponse, error) {
			return c.config.Get(ctx, &sixfoldv1.GetRequest{})
		}, func(p printer, m *sixfoldv1.GetResponse) error { return writeAll(p.out, m.GetText()) }),
	}
}

// questionsIn are those about BGP in a VRF. Its name is a file name too, being that of a link.
func questionsIn(vrf string) []question {
	return []question{
		questionOf("bgp-"+vrf, func(ctx context.Context, c *client) (*sixfoldv1.GetBgpResponse, error) {
			return getBGPIn(ctx, c, vrf)
		}, printBGP),
		questionOf("bgp-paths-"+vrf, func(ctx context.Context, c *client) (*sixfoldv1.ListBgpPathsResponse, error) {
			return listBGPPaths(ctx, c, &sixfoldv1.ListBgpPathsRequest{PageSize: pageSize, Vrf: vrf})
		}, printBGPPaths),
	}
}

// daemon asks all questions, and those about BGP for each VRF that has it.
func (s *supporter) daemon(ctx context.Context, p printer) {
	for queue := questions(); len(queue) > 0 && ctx.Err() == nil; {
		q := queue[0]
		queue = queue[1:]
		var m proto.Message
		err := s.ask(ctx, func(ctx context.Context, c *client) (err error) {
			m, err = q.ask(ctx, c)
			return err
		})
		if err != nil {
			s.archive.add("daemon/"+q.name, nil, err)
			continue
		}
		if g, ok := m.(*sixfoldv1.GetResponse); ok {
			g.Text, g.Submitted = string(config.Redact([]byte(g.GetText()))), string(config.Redact([]byte(g.GetSubmitted())))
			s.archive.add("daemon/config-submitted.yaml", []byte(g.GetSubmitted()), nil)
		}
		if b, ok := m.(*sixfoldv1.GetBgpResponse); ok && b.GetVrf() == "" {
			for _, vrf := range b.GetVrfs() {
				queue = append(queue, questionsIn(vrf)...)
			}
		}
		s.archive.secrets.learnMessage(m)
		var text, raw bytes.Buffer
		err = q.text(printer{out: &text, err: &text, now: p.now}, m)
		s.archive.add("daemon/"+q.name+".txt", text.Bytes(), err)
		err = printMessage(&raw, m)
		s.archive.add("daemon/"+q.name+".json", raw.Bytes(), err)
	}
}

// defaultConfig is the file that the daemon starts with unless told otherwise.
const defaultConfig = "/etc/sixfold/config.yaml"

// learn finds the passwords of all configurations there are, and returns the revisions.
func (s *supporter) learn(ctx context.Context) []*sixfoldv1.Revision {
	if text, err := os.ReadFile(defaultConfig); err == nil {
		s.archive.secrets.learnText(defaultConfig, text)
	}
	var list *sixfoldv1.ListRevisionsResponse
	err := s.ask(ctx, func(ctx context.Context, c *client) error {
		m, err := c.config.Get(ctx, &sixfoldv1.GetRequest{})
		if err == nil {
			s.archive.secrets.learnMessage(m.GetConfig())
			s.archive.secrets.learnText("running", []byte(m.GetSubmitted()))
		}
		list, err = listRevisions(ctx, c)
		return err
	})
	if err != nil {
		return nil // the same is asked for again, and its error noted then
	}
	for _, r := range list.GetRevisions() {
		// A revision that cannot be read cannot be compared either: its diff has what is wrong.
		s.ask(ctx, func(ctx context.Context, c *client) error {
			m, err := c.config.GetRevision(ctx, &sixfoldv1.GetRevisionRequest{Revision: r.GetId()})
			s.archive.secrets.learnText(r.GetName(), []byte(m.GetText()))
			return err
		})
	}
	return list.GetRevisions()
}

// revisions adds what each revision changed.
func (s *supporter) revisions(ctx context.Context, list []*sixfoldv1.Revision) {
	for _, r := range list {
		if r.GetBase() == 0 || ctx.Err() != nil {
			continue
		}
		var m *sixfoldv1.DiffResponse
		err := s.ask(ctx, func(ctx context.Context, c *client) (err error) {
			m, err = c.config.Diff(ctx, &sixfoldv1.DiffRequest{Revision: r.GetId(), BaseRevision: r.GetBase()})
			return err
		})
		s.archive.add(fmt.Sprintf("revisions/%06d.diff", r.GetId()), []byte(m.GetDiff()), err)
	}
}

// The events of an archive: how many, and how long the daemon may be silent before they are taken for all.
const (
	supportEvents = 10000
	supportQuiet  = 500 * time.Millisecond
)

// events adds what happened lately.
func (s *supporter) events(ctx context.Context, p printer) {
	var text, raw bytes.Buffer
	p.out = &text
	err := s.ask(ctx, func(ctx context.Context, c *client) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		// Past events come at once; then the stream waits for new ones, without a word.
		quiet := time.AfterFunc(supportQuiet+time.Second, cancel)
		defer quiet.Stop()
		n := 0
		err := monitor(ctx, c, &sixfoldv1.MonitorRequest{Past: supportEvents}, func(e *sixfoldv1.Event) error {
			quiet.Reset(supportQuiet)
			if n++; n > supportEvents {
				cancel()
			}
			return errors.Join(printEvent(p, e), printLine(&raw, e))
		})
		if ctx.Err() != nil {
			return nil
		}
		return err
	})
	if status.Code(err) == codes.Canceled {
		err = nil
	}
	s.archive.add("daemon/events.txt", text.Bytes(), err)
	s.archive.add("daemon/events.json", raw.Bytes(), err)
}
