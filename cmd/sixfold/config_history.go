package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func configHistory(a *app) *cobra.Command {
	return view(a, "history", "Revisions of the configuration, newest first", listRevisions, printRevisions)
}

func showRevisions(a *app) *cobra.Command {
	return view(a, "revisions", "Revisions of the configuration, as config history", listRevisions, printRevisions)
}

func listRevisions(ctx context.Context, c *client) (*sixfoldv1.ListRevisionsResponse, error) {
	items, err := pages(func(token string) ([]*sixfoldv1.Revision, string, error) {
		r, err := c.config.ListRevisions(ctx, &sixfoldv1.ListRevisionsRequest{PageSize: pageSize, PageToken: token})
		return r.GetRevisions(), r.GetNextPageToken(), err
	})
	return &sixfoldv1.ListRevisionsResponse{Revisions: items}, err
}

func printRevisions(p printer, m *sixfoldv1.ListRevisionsResponse) error {
	if len(m.GetRevisions()) == 0 {
		return p.none("no revisions: no configuration was applied yet")
	}
	t := p.table("", ">REV", "WHEN", "AUTHOR", "RESULT", "NAME", "COMMENT")
	var branches [][][]string
	for _, r := range m.GetRevisions() {
		running := " "
		if r.GetRunning() {
			running = "*"
		}
		result := r.GetResult()
		if by := r.GetConfirmBy(); by != nil {
			result += " until " + p.at(by.AsTime())
		}
		when := ""
		if at := r.GetTime(); at != nil {
			when = p.at(at.AsTime())
		}
		t.add(running, number(r.GetId()), when, r.GetAuthor(), result, r.GetName(), shorten(r.GetComment(), 50))
		t.rows[len(t.rows)-1][0] = running // not running is nothing, not a dash
		branches = append(branches, note("because: ", r.GetReason()))
	}
	return t.writeTree(p.out, branches)
}

// note is a line below the row of a table; none if the text is empty.
func note(what, text string) [][]string {
	if text == "" {
		return nil
	}
	return [][]string{{what + shorten(text, 100)}}
}

// runningWord stands for the revision that runs.
const runningWord = "running"

// revisionNumber is the first argument, the number of a revision; 0 if there is none.
func revisionNumber(cmd *cobra.Command, args []string) (uint64, error) {
	if len(args) == 0 || args[0] == runningWord {
		return 0, nil
	}
	id, ok := parseRevision(args[0])
	if !ok {
		return 0, &usageError{cmd: cmd, err: fmt.Errorf("%q is not the number of a revision: see sixfold config history", args[0])}
	}
	return id, nil
}

func parseRevision(s string) (uint64, bool) {
	id, err := strconv.ParseUint(s, 10, 64)
	return id, err == nil && id > 0
}

// proposal is a configuration that a command is about: a text, or a revision that the daemon has.
type proposal struct {
	name, text string
	revision   uint64 // if there is no text; 0: the running one
}

// readProposal reads FILE, - or N. A file whose name is a number is ./8.
func readProposal(cmd *cobra.Command, arg string) (proposal, error) {
	if arg == runningWord {
		return proposal{}, nil
	}
	if id, ok := parseRevision(arg); ok {
		return proposal{revision: id}, nil
	}
	name, text, err := readChecked(cmd, arg)
	return proposal{name: name, text: text}, err
}

// completeRevisions offers the numbers of revisions with their comments, of those that keep is true for, for the first arguments up
// to most.
func (a *app) completeRevisions(most int, files bool, keep func(*sixfoldv1.Revision) bool) cobra.CompletionFunc {
	directive := cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	if files {
		directive = cobra.ShellCompDirectiveDefault | cobra.ShellCompDirectiveKeepOrder
	}
	complete := a.complete(func(ctx context.Context, c *client) ([]string, error) {
		m, err := listRevisions(ctx, c)
		var found []string
		for _, r := range m.GetRevisions() {
			if keep == nil || keep(r) {
				text := strings.Join(words(r.GetName(), r.GetComment()), ": ")
				found = append(found, cobra.CompletionWithDesc(number(r.GetId()), shorten(cell(text), 60)))
			}
		}
		return found, err
	})
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		found, answered := complete(cmd, nil, word)
		if answered&cobra.ShellCompDirectiveError != 0 && !files {
			return nil, answered
		}
		return found, directive
	}
}
