package firewall

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Run watches nftables until ctx ends, and mends the table soon after somebody else changed it. The table stays when it returns.
func (m *Manager) Run(ctx context.Context) error {
	m.applying.Lock()
	k, err := m.open()
	m.applying.Unlock()
	if err != nil {
		return err
	}
	conn, err := k.socket()
	if absent(err) {
		<-ctx.Done() // nobody can change what cannot be
		return nil
	}
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	defer conn.Close()
	if err := conn.JoinGroup(unix.NFNLGRP_NFTABLES); err != nil {
		return fmt.Errorf("watch nftables: %w", err)
	}
	m.watch(true)
	defer m.watch(false)
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })()
	told := ""
	for {
		// What a batch did is looked up, not followed: one message, or that there were too many, is enough.
		_, err := conn.Receive()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !errors.Is(err, unix.ENOBUFS):
			return fmt.Errorf("watch nftables: %w", err)
		}
		problem := ""
		if err := m.sync(ctx, true); err != nil && ctx.Err() == nil {
			problem = err.Error()
		}
		if problem != told && problem != "" {
			m.log.Warn("the firewall cannot be mended", "error", problem)
		}
		told = problem
	}
}

// watch notes whether changes are heard of from now on.
func (m *Manager) watch(on bool) {
	m.applying.Lock()
	defer m.applying.Unlock()
	m.watching, m.followed = on, false
}
