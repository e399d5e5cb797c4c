package kernel

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/router/rib"
)

// TestCatchUp has the events of the kernel noted that nobody received yet.
func TestCatchUp(t *testing.T) {
	veth(t, "lan0", "lan1")
	ev, err := listen(socketBuffer, routeEvents(0), unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_LINK)
	if err != nil {
		t.Fatal(err)
	}
	d := &drift{gone: map[rib.Key]goneRoute{}, wake: make(chan struct{}, 1)}
	if lost := ev.catchUp(d.event); lost || d.mayHaveFlushed() {
		t.Errorf("before anything happened: lost %v, flushed %v", lost, d.mayHaveFlushed())
	}
	ip(t, "link set lan0 down")
	if lost := ev.catchUp(d.event); lost || !d.mayHaveFlushed() {
		t.Errorf("after a link went down: lost %v, flushed %v", lost, d.mayHaveFlushed())
	}
	ev.close()
	if lost := ev.catchUp(d.event); !lost {
		t.Error("a socket that was closed knows all")
	}
}
