package kernel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/router/change"
)

// RuleWriter keeps the policy rules that VRFs need: look-ups of a VRF end in its table, and what comes in by it does not reach
// addresses of other instances. It has nothing to run.
type RuleWriter struct {
	// OnDrift, if set before the first Apply, is told what others changed since the Apply before, as LinkWriter.OnDrift is.
	OnDrift func(object, what string, problem error)

	log     *slog.Logger
	monitor *Monitor
	writes  atomic.Uint64

	mu      sync.Mutex
	settled ruleState
}

// ruleState is what the last Apply left the rules as.
type ruleState uint8

const (
	rulesUnknown ruleState = iota
	rulesOfVRFs
	rulesOfKernel
)

// NewRules returns a writer whose writes count among those of the monitor.
func NewRules(log *slog.Logger, monitor *Monitor) *RuleWriter {
	return &RuleWriter{log: log, monitor: monitor}
}

// Writes counts the messages that were sent to add and remove rules.
func (w *RuleWriter) Writes() uint64 { return w.writes.Load() }

// Apply gives the machine the rules that VRFs need, or takes ours away and puts the kernel's own back in its place. Rules of others
// stay. What fails does not keep the rest from being done; the errors are joined.
func (w *RuleWriter) Apply(ctx context.Context, vrfs bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, err := dial()
	if err != nil {
		return err
	}
	defer c.close()
	have, err := readRules(ctx, c)
	if err != nil {
		return err
	}
	next := rulesOfKernel
	if vrfs {
		next = rulesOfVRFs
	}
	var errs []error
	for _, op := range diffRules(have, vrfs) {
		err := w.write(c, op)
		if w.settled == next && w.OnDrift != nil {
			found := "it was missing"
			if op.remove {
				found = "it was there"
			}
			w.OnDrift("rule "+op.String(), found, err)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		w.settled = next
	}
	return errors.Join(errs...)
}

func (w *RuleWriter) write(c *conn, op ruleOp) error {
	w.writes.Add(1)
	w.monitor.writes.Add(1)
	err := c.do(op.request())
	switch {
	case err == nil:
		w.log.Debug(op.words())
		return nil
	case op.remove && errors.Is(err, unix.ENOENT):
		return nil
	case op.l3mdev && errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%s: this kernel has no VRFs (CONFIG_NET_VRF): %w", op.words(), err)
	}
	return fmt.Errorf("%s: %w", op.words(), err)
}

// words says what is done.
func (o ruleOp) words() string {
	if o.remove {
		return "remove rule " + o.String()
	}
	return "add rule " + o.String()
}

// Preview tells what Apply would write, and writes nothing.
func (w *RuleWriter) Preview(ctx context.Context, vrfs bool) ([]change.Op, error) {
	c, err := dial()
	if err != nil {
		return nil, err
	}
	defer c.close()
	have, err := readRules(ctx, c)
	if err != nil {
		return nil, err
	}
	var ops []change.Op
	for _, op := range diffRules(have, vrfs) {
		one := change.Op{Object: "rule " + op.String(), Action: "add"}
		if op.remove {
			one.Class, one.Action = change.Delete, "remove"
		}
		ops = append(ops, one)
	}
	return ops, nil
}
