package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// found is what a command line names.
type found struct {
	cmd   *cobra.Command
	words []string    // the line, with commands by their full names
	rest  []string    // its flags and arguments
	value *pflag.Flag // the flag whose value is the next word; nil: none
	args  bool        // an argument, not a command, came already
}

// find follows the words of a line through the commands. A command may be shortened as long as no other begins so, as in vtysh
// and birdc. What is no command ends the search and is an argument.
func find(root *cobra.Command, line []string) (found, error) {
	f := found{cmd: root, words: slices.Clone(line)}
	if f.words == nil {
		f.words = []string{} // cobra takes those of the process for nil
	}
	for i, w := range line {
		switch {
		case f.value != nil:
			f.value = nil
		case w == "--" || f.cmd.DisableFlagParsing:
			f.rest, f.args = append(f.rest, line[i:]...), true
			return f, nil
		case len(w) > 1 && w[0] == '-':
			f.value = valueFlag(f.cmd, w)
		case !f.args:
			sub, err := subcommand(f.cmd, w)
			if err != nil {
				return f, err
			}
			if sub != nil {
				f.cmd, f.words[i] = sub, sub.Name()
				continue
			}
			f.args = true
		}
		f.rest = append(f.rest, w)
	}
	return f, nil
}

// valueFlag is the flag that a word names if its value is to follow as a word of its own.
func valueFlag(cmd *cobra.Command, w string) *pflag.Flag {
	if strings.Contains(w, "=") {
		return nil
	}
	var flag *pflag.Flag
	if name, long := strings.CutPrefix(w, "--"); long {
		flag = cmd.Flag(name)
	} else {
		for _, set := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags(), cmd.InheritedFlags()} {
			if flag = set.ShorthandLookup(w[len(w)-1:]); flag != nil {
				break
			}
		}
	}
	if flag == nil || flag.NoOptDefVal != "" {
		return nil
	}
	return flag
}

// ambiguousError is a word that more than one command begins with.
type ambiguousError struct {
	word  string
	could []string
}

func (e *ambiguousError) Error() string {
	return fmt.Sprintf("ambiguous: %s could be %s", e.word, strings.Join(e.could, ", "))
}

// subcommand is the command below cmd that a word names or begins; nil: none. Names come before aliases and hidden commands,
// which help a habit and shall not make another word ambiguous, and before commands that start something else than an answer:
// "sh" is show, here as in the shell.
func subcommand(cmd *cobra.Command, w string) (*cobra.Command, error) {
	var names, others []*cobra.Command
	for _, c := range cmd.Commands() {
		begins := strings.HasPrefix(c.Name(), w)
		switch {
		case c.Name() == w || c.HasAlias(w):
			return c, nil
		case w == "":
		case begins && (c.IsAvailableCommand() || c.Name() == "help") && (cmd.HasParent() || outside()[c.Name()] == ""):
			names = append(names, c)
		case begins || slices.ContainsFunc(c.Aliases, func(s string) bool { return strings.HasPrefix(s, w) }):
			others = append(others, c)
		}
	}
	for _, list := range [][]*cobra.Command{names, others} {
		if len(list) == 1 {
			return list[0], nil
		}
		if len(list) > 1 {
			e := &ambiguousError{word: w}
			for _, c := range list {
				e.could = append(e.could, c.Name())
			}
			slices.Sort(e.could)
			return nil, e
		}
	}
	return nil, nil
}

// completes tells whether a command line is what a completion script asks with.
func completes(args []string) bool {
	return len(args) > 1 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// expand writes the commands of a command line in full. In what cobra's completion asks for, the last word is not whole yet.
func expand(root *cobra.Command, args []string) ([]string, error) {
	if completes(args) {
		last := len(args) - 1
		f, err := find(root, args[1:last])
		if err != nil {
			return args, nil // nothing is offered after a word that is ambiguous
		}
		return append(append([]string{args[0]}, f.words...), args[last]), nil
	}
	f, err := find(root, args)
	if err != nil {
		return nil, &usageError{cmd: f.cmd, err: err}
	}
	return f.words, nil
}
