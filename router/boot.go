package router

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sixfold-router/sixfold/router/config"
	"github.com/sixfold-router/sixfold/router/event"
	"github.com/sixfold-router/sixfold/router/revision"
)

// Author is who submits what the router reads by itself.
const Author = "sixfold"

// Boot chooses the configuration to start with: the newest confirmed revision, or the file at path where that was changed since it was
// last read. So both ways in work, and the later one wins. A revision that waited to be confirmed when the router stopped is dropped.
// A file that is not valid is an error if there is no revision to fall back to; otherwise it is logged. Boot is called once,
// before Run.
func (r *Router) Boot(path string) error {
	dropped, err := r.revisions.Recover()
	if err != nil {
		return fmt.Errorf("recover the revisions: %w", err)
	}
	for _, rev := range dropped {
		r.log.Warn("a revision is not in force", "revision", rev.ID, "author", rev.Author, "result", rev.Result, "reason", rev.Reason)
		r.events.Publish(event.Event{Kind: event.Config, Subject: "configuration", Action: string(rev.Result),
			Text: fmt.Sprintf("revision %d of %s is not in force: %s", rev.ID, rev.Author, rev.Reason)})
	}
	confirmed := r.revisions.Confirmed()
	text, err := os.ReadFile(path)
	changed := err == nil && revision.Hash(string(text)) != r.revisions.FileHash()
	if changed {
		err = r.bootFile(path, string(text), confirmed)
		if err == nil {
			return nil
		}
	}
	if confirmed == 0 {
		return err
	}
	switch {
	case changed:
		r.log.Error("the configuration file was changed, but cannot be used: the last revision runs", "file", path, "revision", confirmed, "error", err)
	case err != nil:
		r.log.Warn("the configuration file cannot be read: the last revision runs", "revision", confirmed, "error", err)
	}
	source, unusable := r.source(confirmed)
	switch {
	case unusable == nil:
		r.start(source, confirmed)
		return nil
	case err != nil || changed:
		return errors.Join(fmt.Errorf("revision %d cannot be used: %w", confirmed, unusable), err)
	}
	r.log.Error("the last revision cannot be used: the configuration file runs", "revision", confirmed, "error", unusable, "file", path)
	return r.bootFile(path, string(text), confirmed)
}

// bootFile makes the text of the configuration file the newest revision and the one to start with.
func (r *Router) bootFile(path, text string, base uint64) error {
	conf, _, err := config.Load(path, []byte(text))
	if err != nil {
		return err
	}
	rev, err := r.revisions.Add(revision.Revision{
		Name: path, Time: time.Now(), Author: Author, Comment: "read at the start", Base: base, Result: revision.Applied,
	}, text)
	if err == nil {
		err = r.revisions.ConfirmFile(rev.ID, rev.Hash)
	}
	if err != nil {
		return fmt.Errorf("keep the revision: %w", err)
	}
	r.start(Source{Name: path, Text: text, Config: conf}, rev.ID)
	return nil
}

func (r *Router) start(source Source, id uint64) {
	r.log.Info("configuration of the start", "revision", id, "name", source.Name)
	for _, w := range source.Config.Warnings {
		r.log.Warn("the configuration is valid, but", "warning", w.Error())
	}
	r.mu.Lock()
	r.conf, r.runs = source, id
	r.mu.Unlock()
	r.Wake()
}

// Reload commits the file at path, which somebody asked to be read again.
func (r *Router) Reload(ctx context.Context, path string) (Committed, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Committed{}, err
	}
	done, err := r.Commit(ctx, CommitRequest{Name: path, Text: string(text), Author: Author, Comment: "read again"})
	if err != nil {
		return done, err
	}
	return done, r.revisions.SetFileHash(revision.Hash(string(text)))
}
