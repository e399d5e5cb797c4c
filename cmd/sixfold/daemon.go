package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sixfold-router/sixfold/api"
	"github.com/sixfold-router/sixfold/api/metrics"
	"github.com/sixfold-router/sixfold/router"
	"github.com/sixfold-router/sixfold/router/change"
	"github.com/sixfold-router/sixfold/router/config"
)

// defaultStateDir is where leases, delegations and our DUID are kept.
const defaultStateDir = "/var/lib/sixfold"

// daemonOptions are the flags of sixfold run.
type daemonOptions struct {
	config, state, socket, logLevel, logFormat string
}

func runCommand() *cobra.Command {
	var o daemonOptions
	cmd := &cobra.Command{
		Use:   "run --config FILE",
		Short: "Run the router",
		Long: `Run the router in the foreground until SIGTERM or SIGINT. SIGHUP reads the configuration file again and commits it.

SIGUSR1 stops the router for another one that is started at once, as for an upgrade: hosts are sent no final advertisements,
neighbors no farewell, and the routes stay. systemctl restart sixfold does so, while systemctl stop says goodbye.

The router starts with the newest revision that was committed and confirmed (see sixfold config history), or with the file if
that was changed since it was last read. A file that is not valid is refused: at the first start with exit code 3, later by
keeping the last revision.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.socket = cmd.Flag("socket").Value.String()
			return o.run(cmd.Context(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.config, "config", "/etc/sixfold/config.yaml", "configuration `file`")
	f.StringVar(&o.state, "state-dir", defaultStateDir, "`directory` of leases and delegations")
	f.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&o.logFormat, "log-format", "text", "text or json")
	return cmd
}

// run is the composition root of the daemon.
func (o daemonOptions) run(ctx context.Context, stderr io.Writer) error {
	log, err := newLogger(stderr, o.logLevel, o.logFormat)
	if err != nil {
		return err
	}
	if _, err := os.Stat(o.state); errors.Is(err, fs.ErrNotExist) {
		// At the first start there is only the file. What is wrong with it is said before anything is changed.
		text, err := os.ReadFile(o.config)
		if err == nil {
			_, _, err = config.Load(o.config, text)
		}
		if err != nil {
			return err
		}
	}
	if os.Geteuid() != 0 {
		return errors.New("sixfold run changes interfaces and routes and needs root")
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	successor := make(chan os.Signal, 1)
	signal.Notify(successor, syscall.SIGUSR1)
	defer signal.Stop(successor)

	r, err := router.New(log, o.state)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := r.Boot(o.config); err != nil {
		return err
	}

	// The API is up before the router is, so that one that cannot configure itself can be asked why.
	server := api.NewServer(log, r, versionText())
	if err := server.OpenAudit(filepath.Join(o.state, "audit.log")); err != nil {
		return err
	}
	if err := server.Listen(o.socket); err != nil {
		return err
	}
	scrapes := metrics.New(log.With("unit", "metrics"), r, versionText())
	attach(r, server, scrapes)
	// The API outlives the router's stop: a stop that takes long can be watched.
	apiCtx, stopAPI := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAPI()
	routerCtx, stopRouter := context.WithCancel(ctx)
	defer stopRouter()
	manager := newService(log)
	defer context.AfterFunc(routerCtx, manager.stopping)()
	var g errgroup.Group
	g.Go(func() error {
		defer stopRouter()
		return server.Run(apiCtx)
	})
	g.Go(func() error { return scrapes.Run(apiCtx) })
	g.Go(func() error {
		defer stopAPI()
		return r.Run(routerCtx)
	})
	g.Go(func() error {
		for {
			select {
			case <-routerCtx.Done():
				return nil
			case <-successor:
				log.Info("sixfold stops for its successor: hosts and neighbors are not told")
				r.HandOver()
				stopRouter()
			case <-hup:
				manager.reload(func() { o.reload(routerCtx, log, r) })
			}
		}
	})
	g.Go(func() error { return manager.run(routerCtx, r) })
	g.Go(func() error { return giveBack(routerCtx, collections()) })
	log.Info("sixfold runs", "version", versionText(), "config", o.config, "state", o.state)
	err = g.Wait()
	log.Info("sixfold stopped")
	return err
}

// bound is a part of the configuration that is in force on one device: one that was made anew needs new sockets.
type bound struct {
	part  any
	index int
}

// attach makes what serves the network for operators part of the transaction.
func attach(r *router.Router, server *api.Server, scrapes *metrics.Server) {
	r.Attach(router.Extension{
		Name: "api",
		Part: func(c *config.Config) any {
			if c.API.TCP == nil {
				return c.API
			}
			return bound{c.API, r.LinkIndex(c.API.TCP.Device)}
		},
		Apply: func(ctx context.Context, c *config.Config) error { return server.Configure(ctx, c.API) },
		Preview: func(c *config.Config) ([]change.Op, error) {
			return server.Preview(c.API), nil
		},
	})
	r.Attach(router.Extension{
		Name: "metrics",
		Part: func(c *config.Config) any { return c.Metrics },
		Apply: func(ctx context.Context, c *config.Config) error {
			if c.Metrics == nil {
				return scrapes.Apply(ctx, metrics.Config{})
			}
			return scrapes.Apply(ctx, metrics.Config{Listen: c.Metrics.Listen, Device: c.Metrics.Device})
		},
	})
}

// reload reads the configuration file again and commits it; one that is not valid, or that cannot be applied, changes nothing.
func (o daemonOptions) reload(ctx context.Context, log *slog.Logger, r *router.Router) {
	done, err := r.Reload(ctx, o.config)
	var invalid *config.Errors
	switch {
	case errors.As(err, &invalid):
		log.Error("configuration is not valid; the old one stays in force", "error", err)
	case err != nil:
		log.Error("configuration is not applied", "error", err)
	default:
		log.Info("configuration applied", "config", o.config, "revision", done.Revision.ID)
	}
}

func newLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, &usageError{err: fmt.Errorf("--log-level %s: want debug, info, warn or error", level)}
	}
	options := &slog.HandlerOptions{Level: l}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, &usageError{err: fmt.Errorf("--log-format %s: want text or json", format)}
}
