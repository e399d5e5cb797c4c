package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/config"
)

// completionTimeout is how long a person who pressed Tab waits for the daemon.
const completionTimeout = 2 * time.Second

// groupAnnotation marks commands that do nothing without a subcommand.
const groupAnnotation = "group"

func isGroup(cmd *cobra.Command) bool { return cmd.Annotations[groupAnnotation] != "" }

// cutUse is the name of a command and the arguments in its help.
func cutUse(cmd *cobra.Command) (name, arguments string, more bool) { return strings.Cut(cmd.Use, " ") }

// names asks the daemon for the names of things.
type names func(context.Context, *client) ([]string, error)

// complete offers names that the daemon knows for the first argument.
func (a *app) complete(ask names) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.live(ask)(cmd, args, typed)
	}
}

// live offers names that the daemon knows. It is silent if there is no daemon, or none that answers in time.
func (a *app) live(ask names) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		a.chooseDaemon(cmd)
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
		defer cancel()
		var found []string
		err := a.daemon(ctx, func(ctx context.Context, c *client) (err error) {
			found, err = ask(ctx, c)
			return err
		})
		if err != nil {
			// With the directive for errors, bash offers files.
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		// One thing may be there many times, as a prefix with many routes. A name that a terminal would take for orders is none.
		seen := map[string]bool{}
		found = slices.DeleteFunc(found, func(s string) bool {
			name, _, _ := strings.Cut(s, "\t")
			again := seen[name]
			seen[name] = true
			return again || !strings.HasPrefix(name, typed) || cell(name) != name
		})
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// prepare gives the commands below root what belongs to all of them: the completion of arguments and flags that do not bring
// their own, and the help.
func prepare(a *app, root *cobra.Command) {
	// A word of ours is seldom a file.
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			prepareCompletion(c)
		}
	}
	arguments := a.argumentNames()
	walk(root, func(cmd *cobra.Command) {
		_, takes, _ := cutUse(cmd)
		switch complete := arguments[cmd.CommandPath()]; {
		case takes == "" || cmd.ValidArgsFunction != nil:
		case complete != nil:
			cmd.ValidArgsFunction = complete
		case strings.Contains(takes, "FILE"):
			cmd.ValidArgsFunction = fileArgument
		}
	})
}

// registerFlags tells cobra how the values of flags are completed. It keeps that for the life of the process, so this is only for a
// process that completes one line.
func registerFlags(a *app, root *cobra.Command) {
	walk(root, func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if complete := a.flagCompletion(f); complete != nil {
				// It fails for a flag that has one already.
				_ = cmd.RegisterFlagCompletionFunc(f.Name, complete)
			}
		})
	})
}

// flagCompletion completes the values of a flag; nil: they cannot be listed.
func (a *app) flagCompletion(f *pflag.Flag) cobra.CompletionFunc {
	if usage, _ := pflag.UnquoteUsage(f); usage == "file" || usage == "directory" || f.Name == "socket" {
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
	}
	return a.flagNames()[f.Name]
}

func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		walk(c, visit)
	}
}

// fileArgument offers files for the first argument.
func fileArgument(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveDefault
}

// argumentNames complete the arguments of commands.
func (a *app) argumentNames() map[string]cobra.CompletionFunc {
	links := a.complete(interfaceNames)
	all := map[string]cobra.CompletionFunc{
		"sixfold show routes":     a.complete(routePrefixes),
		"sixfold show bgp routes": a.complete(bgpPrefixes),
		"sixfold ra watch":        links,
		"sixfold explain":         a.completeExplain,
		"sixfold show interfaces": links,
		"sixfold show ra":         links,
		"sixfold show routers":    a.complete(observedLinks),
		"sixfold show vxlan":      a.complete(vxlanNames),
		"sixfold show mld groups": a.complete(mldLinks),
		"sixfold show prefixes":   a.complete(delegationNames),
	}
	all["sixfold show ipv6 route"], all["sixfold show ip route"] = all["sixfold show routes"], all["sixfold show routes"]
	return all
}

// flagNames complete the values of flags, which mean the same wherever they are.
func (a *app) flagNames() map[string]cobra.CompletionFunc {
	words := func(list ...string) cobra.CompletionFunc {
		return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
	}
	return map[string]cobra.CompletionFunc{
		"link":       a.live(interfaceNames),
		"vrf":        a.live(vrfNames),
		"neighbor":   a.live(neighborNames),
		"kind":       words("address", "prefix"),
		"log-level":  words("debug", "info", "warn", "error"),
		"log-format": words("text", "json"),
	}
}

func interfaceNames(ctx context.Context, c *client) ([]string, error) {
	m, err := listInterfaces(ctx, c)
	var names []string
	for _, i := range m.GetInterfaces() {
		names = append(names, i.GetName())
	}
	return names, err
}

func neighborNames(ctx context.Context, c *client) ([]string, error) {
	none := ""
	return neighborNamesIn(&none)(ctx, c)
}

// neighborNamesIn returns the BGP neighbors of a VRF, whose name is known when somebody asks.
func neighborNamesIn(vrf *string) names {
	return func(ctx context.Context, c *client) ([]string, error) {
		m, err := getBGPIn(ctx, c, *vrf)
		var names []string
		for _, n := range m.GetNeighbors() {
			names = append(names, n.GetName())
		}
		return names, err
	}
}

func delegationNames(ctx context.Context, c *client) ([]string, error) {
	m, err := listPrefixes(ctx, c)
	var names []string
	for _, p := range m.GetPrefixes() {
		if p.GetName() != "" {
			names = append(names, p.GetName())
		}
	}
	return names, err
}

// askedDelegations are those that an ISP gave: ula is made here, and nobody is to be asked for it.
func askedDelegations(ctx context.Context, c *client) ([]string, error) {
	list, err := delegationNames(ctx, c)
	return withoutLocal(list), err
}

func withoutLocal(names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return name == config.ULA })
}

func leasePrefixes(ctx context.Context, c *client) ([]string, error) {
	m, err := listLeases(ctx, c, newLeaseRequest())
	var names []string
	for _, l := range m.GetLeases() {
		names = append(names, leaseText(l))
	}
	return names, err
}

func vxlanNames(ctx context.Context, c *client) ([]string, error) {
	m, err := listVXLANs(ctx, c)
	var names []string
	for _, v := range m.GetVxlans() {
		names = append(names, v.GetName())
	}
	return names, err
}

func mldLinks(ctx context.Context, c *client) ([]string, error) {
	m, err := listMLDInterfaces(ctx, c)
	var names []string
	for _, i := range m.GetInterfaces() {
		names = append(names, i.GetLink())
	}
	return names, err
}

// mostPrefixes is how many of a routing table are worth offering.
const mostPrefixes = 500

func routePrefixes(ctx context.Context, c *client) ([]string, error) {
	m, err := c.state.ListRoutes(ctx, &sixfoldv1.ListRoutesRequest{PageSize: mostPrefixes})
	var names []string
	for _, r := range m.GetRoutes() {
		names = append(names, r.GetPrefix())
	}
	return names, err
}

func bgpPrefixes(ctx context.Context, c *client) ([]string, error) {
	m, err := c.state.ListBgpPaths(ctx, &sixfoldv1.ListBgpPathsRequest{PageSize: mostPrefixes})
	var names []string
	for _, p := range m.GetPaths() {
		names = append(names, p.GetPrefix())
	}
	return names, err
}

// bashFunctions are those of the package bash-completion that the script for bash uses. A colon is in the middle of each of our
// addresses, and bash takes it for the end of a word.
const bashFunctions = `
if ! declare -F _get_comp_words_by_ref >/dev/null; then
    # Words as a person sees them: bash cuts at colons and equal signs too.
    _get_comp_words_by_ref() {
        local line=${COMP_LINE:0:COMP_POINT} word
        words=() cword=0
        local IFS=$' \t\n'
        set -f
        for word in $line; do words+=("$word"); done
        set +f
        [[ $line == *[$' \t'] || -z $line ]] && words+=("")
        cword=$((${#words[@]} - 1))
        cur=${words[cword]} prev=
        ((cword > 0)) && prev=${words[cword - 1]}
        return 0
    }
fi
if ! declare -F __ltrim_colon_completions >/dev/null; then
    # Bash replaces only what is behind the last colon.
    __ltrim_colon_completions() {
        [[ $1 == *:* && $COMP_WORDBREAKS == *:* ]] || return 0
        local head=${1%"${1##*:}"} i=${#COMPREPLY[*]}
        while ((i-- > 0)); do COMPREPLY[i]=${COMPREPLY[i]#"$head"}; done
    }
fi
`

// prepareCompletion makes the script for bash work without the package bash-completion.
func prepareCompletion(completion *cobra.Command) {
	completion.Short = "Write the completion script of a shell"
	for _, c := range completion.Commands() {
		c.Short = "Write the completion script of " + c.Name()
		c.Long = strings.Replace(c.Long, `This script depends on the 'bash-completion' package.
If it is not installed already, you can install it via your OS's package manager.
`, "The script needs nothing but bash.\n", 1)
		c.RunE = func(cmd *cobra.Command, _ []string) error {
			plain, err := cmd.Flags().GetBool("no-descriptions")
			if err != nil {
				return err
			}
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch {
			case cmd.Name() == "bash":
				if err := writeAll(out, bashFunctions); err != nil {
					return err
				}
				return root.GenBashCompletionV2(out, !plain)
			case cmd.Name() == "fish":
				return root.GenFishCompletion(out, !plain)
			case cmd.Name() == "powershell" && plain:
				return root.GenPowerShellCompletion(out)
			case cmd.Name() == "powershell":
				return root.GenPowerShellCompletionWithDesc(out)
			case plain:
				return root.GenZshCompletionNoDesc(out)
			}
			return root.GenZshCompletion(out)
		}
	}
}
