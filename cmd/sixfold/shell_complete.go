package main

import (
	"cmp"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// candidate is a word that may come next.
type candidate struct {
	text, help string
	open       bool // it is not whole yet: a directory
}

// completion is what may stand where the cursor is.
type completion struct {
	start int    // where the word at the cursor begins, in bytes
	typed string // the word so far, without its quotes
	list  []candidate
	usage string // arguments that cannot be listed, as in the help of the command
	ready bool   // the line is a command as it is
	bad   error  // why nothing can come
}

// completeLine finds what may follow a line up to the cursor. With flags, those of the command are listed even where none was begun.
func (s *session) completeLine(ctx context.Context, line string, flags bool) completion {
	tokens, open := lex(line)
	if open == '#' {
		return completion{start: len(line)}
	}
	if i := lastToken(tokens, ';'); i >= 0 {
		tokens = tokens[i+1:]
	}
	c := completion{start: len(line)}
	if n := len(tokens); n > 0 && tokens[n-1].kind == 'w' && (tokens[n-1].end == len(line) || open != 0) {
		c.start, c.typed = tokens[n-1].start, tokens[n-1].text
		tokens = tokens[:n-1]
	}
	if i := lastToken(tokens, '|'); i >= 0 {
		if i == len(tokens)-1 {
			for _, name := range filterNames() {
				c.add(name, filters()[name])
			}
		} else {
			c.usage = "REGEX"
			c.ready = true
		}
		return c
	}
	var words []string
	for _, t := range tokens {
		words = append(words, t.text)
	}
	if len(words) > 0 && words[0] == "sixfold" {
		words = words[1:]
	}
	a, root := s.commands()
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	f, err := find(root, words)
	if err != nil {
		c.bad = err
		return c
	}
	c.command(ctx, a, f, flags)
	return c
}

func lastToken(tokens []token, kind byte) int {
	for i, t := range slices.Backward(tokens) {
		if t.kind == kind {
			return i
		}
	}
	return -1
}

// add offers a word if it begins with what was typed.
func (c *completion) add(text, help string) {
	// What a terminal would take for orders is not offered.
	if text != "" && strings.HasPrefix(text, c.typed) && printable(text) == text && !strings.Contains(text, "\n") {
		help, _, _ = strings.Cut(help, "\n")
		c.list = append(c.list, candidate{text: text, help: cell(help)})
	}
}

func (c *completion) command(ctx context.Context, a *app, f found, flags bool) {
	cmd := f.cmd
	cmd.SetContext(ctx)
	cmd.InitDefaultHelpFlag()
	if f.value != nil {
		c.flagValue(a, f, f.value)
		return
	}
	if name, _, ok := strings.Cut(c.typed, "="); ok && strings.HasPrefix(name, "--") {
		if flag := cmd.Flag(name[2:]); flag != nil {
			// Only what is behind the sign is completed.
			c.start, c.typed = c.start+len(name)+1, c.typed[len(name)+1:]
			c.flagValue(a, f, flag)
		}
		return
	}
	if c.bad = cmd.ParseFlags(f.rest); c.bad != nil {
		return
	}
	args := cmd.Flags().Args()
	if !strings.HasPrefix(c.typed, "-") {
		c.words(f, args)
	}
	if flags && c.typed == "" || strings.HasPrefix(c.typed, "-") {
		for _, set := range []*pflag.FlagSet{cmd.NonInheritedFlags(), cmd.InheritedFlags()} {
			set.VisitAll(func(flag *pflag.Flag) {
				// The flags that every command has are only for who asks for flags.
				everywhere := flag.Name == "help" || cmd.Root().PersistentFlags().Lookup(flag.Name) == flag
				again := flag.Changed && !strings.Contains(flag.Value.Type(), "Array")
				if !flag.Hidden && flag.Deprecated == "" && !again && (c.typed != "" || !everywhere) {
					_, usage := pflag.UnquoteUsage(flag)
					c.add("--"+flag.Name, usage)
				}
			})
		}
	}
}

// words offers subcommands and arguments.
func (c *completion) words(f found, args []string) {
	cmd := f.cmd
	for _, sub := range cmd.Commands() {
		if !f.args && (sub.IsAvailableCommand() || sub.Name() == "help") {
			c.add(sub.Name(), sub.Short)
		}
	}
	if isGroup(cmd) {
		return
	}
	c.ready = c.typed == "" && cmd.ValidateArgs(args) == nil
	if len(args) == 0 {
		_, c.usage, _ = strings.Cut(cmd.Use, " ")
	}
	known := len(c.list)
	for _, arg := range cmd.ValidArgs {
		text, help, _ := strings.Cut(arg, "\t")
		c.add(text, help)
	}
	if cmd.ValidArgsFunction != nil {
		c.ask(cmd, cmd.ValidArgsFunction, args)
	}
	if len(c.list) > known {
		c.usage = ""
	}
}

func (c *completion) flagValue(a *app, f found, flag *pflag.Flag) {
	usage, _ := pflag.UnquoteUsage(flag)
	c.usage = strings.ToUpper(cmp.Or(usage, flag.Value.Type()))
	if complete := a.flagCompletion(flag); complete != nil {
		// The flags so far may say which daemon to ask.
		before := f.rest
		if f.value != nil {
			before = before[:len(before)-1]
		}
		if err := f.cmd.ParseFlags(before); err == nil {
			c.ask(f.cmd, complete, f.cmd.Flags().Args())
		}
		if len(c.list) > 0 {
			c.usage = ""
		}
	}
}

// ask offers what a completion function of a command knows.
func (c *completion) ask(cmd *cobra.Command, complete cobra.CompletionFunc, args []string) {
	list, directive := complete(cmd, args, c.typed)
	for _, item := range list {
		text, help, _ := strings.Cut(item, "\t")
		c.add(text, help)
	}
	if directive&(cobra.ShellCompDirectiveError|cobra.ShellCompDirectiveNoFileComp) == 0 {
		c.files()
	}
}

// mostFiles bounds what is offered of a directory.
const mostFiles = 500

func (c *completion) files() {
	dir, begun := filepath.Split(c.typed)
	f, err := os.Open(cmp.Or(dir, "."))
	if err != nil {
		return
	}
	defer f.Close()
	entries, _ := f.ReadDir(mostFiles)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(begun, ".") {
			continue
		}
		n := len(c.list)
		name := dir + e.Name()
		if e.IsDir() {
			name += "/"
		}
		if c.add(name, ""); len(c.list) > n {
			c.list[n].open = e.IsDir()
		}
	}
	slices.SortFunc(c.list, func(a, b candidate) int { return strings.Compare(a.text, b.text) })
}

// common is what all candidates begin with.
func (c *completion) common() string {
	if len(c.list) == 0 {
		return c.typed
	}
	prefix := c.list[0].text
	for _, k := range c.list[1:] {
		for !strings.HasPrefix(k.text, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	// Half a character is none.
	return strings.ToValidUTF8(prefix, "")
}

// complete is the line up to the cursor with what Tab adds to it.
func (c *completion) complete(line string) string {
	common := c.common()
	if len(c.list) == 1 && !c.list[0].open {
		return line[:c.start] + quoteWord(common) + " "
	}
	if common == c.typed {
		return line
	}
	return line[:c.start] + quoteWord(common)
}
