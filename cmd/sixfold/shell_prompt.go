package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

// promptTimeout is how long a prompt waits for the daemon.
const promptTimeout = 500 * time.Millisecond

// prompt asks the daemon what to write before each line.
type prompt struct {
	name string // from the last answer
}

// text is the prompt for the next line, and why the daemon gave no answer to it.
func (p *prompt) text(ctx context.Context, a *app, root *cobra.Command) (string, error) {
	a.chooseDaemon(root)
	ctx, cancel := context.WithTimeout(ctx, promptTimeout)
	defer cancel()
	var m *sixfoldv1.GetResponse
	err := a.daemon(ctx, func(ctx context.Context, c *client) (err error) {
		m, err = c.config.Get(ctx, &sixfoldv1.GetRequest{})
		return err
	})
	if err == nil {
		p.name = m.GetConfig().GetSystem().GetHostname()
	}
	name := p.name
	if name == "" {
		name, _ = os.Hostname()
	}
	return promptText(name, m.GetRevision(), time.Now()), err
}

func promptText(name string, running *sixfoldv1.Revision, now time.Time) string {
	name = shorten(orElse(cell(name), "sixfold"), 40)
	if running.GetConfirmBy() == nil {
		return name + "> "
	}
	left := max(0, running.GetConfirmBy().AsTime().Sub(now))
	return fmt.Sprintf("%s(confirm %s)> ", name, clock(left))
}

// clock writes a time that runs down: 4:32, 1:00:07.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
