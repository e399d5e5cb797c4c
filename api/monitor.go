package api

import (
	"context"
	"errors"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/event"
)

// maxMatch bounds the text that events are searched for.
const maxMatch = 256

// eventKinds are the kinds that Monitor knows.
func eventKinds() []string {
	return []string{event.Lease, event.Delegation, event.Neighbor, event.RA, event.BGP, event.Link, event.Config, event.Drift, event.Unit, event.Multicast}
}

// Monitor sends events as they happen.
func (s *stateService) Monitor(req *sixfoldv1.MonitorRequest, stream grpc.ServerStreamingServer[sixfoldv1.MonitorResponse]) error {
	if err := checkKinds(req.GetKinds(), eventKinds()); err != nil {
		return err
	}
	if len(req.GetMatch()) > maxMatch {
		return status.Errorf(codes.InvalidArgument, "match is longer than %d bytes", maxMatch)
	}
	ring := s.backend.Events()
	if ring == nil {
		return errors.ErrUnsupported
	}
	reader := ring.Reader(int(min(req.GetPast(), 1<<20)))
	return s.streams.run(stream, func(ctx context.Context, send func(proto.Message) error) error {
		for {
			events, err := reader.Next(ctx)
			if err != nil {
				return err
			}
			for _, e := range events {
				if !selects(req, e) {
					continue
				}
				if err := send(&sixfoldv1.MonitorResponse{Event: eventMessage(e)}); err != nil {
					return err
				}
			}
		}
	})
}

func selects(req *sixfoldv1.MonitorRequest, e event.Event) bool {
	if len(req.GetKinds()) > 0 && !slices.Contains(req.GetKinds(), e.Kind) {
		return false
	}
	m := req.GetMatch()
	return strings.Contains(e.Subject, m) || strings.Contains(e.Link, m) || strings.Contains(e.Text, m)
}

func eventMessage(e event.Event) *sixfoldv1.Event {
	return &sixfoldv1.Event{
		Id: e.ID, Time: timestamp(e.Time), Kind: clean(e.Kind), Subject: clean(e.Subject), Link: clean(e.Link), Action: clean(e.Action), Text: clean(e.Text),
	}
}

// checkKinds says which kind is not known.
func checkKinds(kinds, known []string) error {
	for _, k := range kinds {
		if !slices.Contains(known, k) {
			return status.Errorf(codes.InvalidArgument, "kind %q is not one of %s", clean(shorten(k, 60)), strings.Join(known, ", "))
		}
	}
	return nil
}
