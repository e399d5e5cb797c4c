package vm

import (
	"bufio"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// modulePaths returns the files of the modules and of all that they need, in the order in which they are to be loaded. dir is
// the modules of one kernel, as depmod left it; names that it does not know as modules are built into the kernel.
func modulePaths(dir fs.FS, names ...string) ([]string, error) {
	deps, err := readDeps(dir)
	if err != nil {
		return nil, err
	}
	soft, err := readSoftDeps(dir)
	if err != nil {
		return nil, err
	}
	builtin, err := fs.ReadFile(dir, "modules.builtin")
	if err != nil {
		return nil, err
	}
	aliases, err := readAliases(dir)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for file := range deps {
		files[moduleName(file)] = file
	}
	var order []string
	seen := map[string]bool{}
	var add func(name string, must bool) error
	add = func(name string, must bool) error {
		name = strings.ReplaceAll(name, "-", "_")
		if seen[name] {
			return nil
		}
		seen[name] = true
		file, ok := files[name]
		if !ok {
			for line := range strings.Lines(string(builtin)) {
				must = must && moduleName(strings.TrimSpace(line)) != name
			}
			if must {
				return fmt.Errorf("the kernel has no module %s", name)
			}
			return nil
		}
		for _, pre := range soft[name] {
			if module, ok := aliases[pre]; ok {
				pre = module
			}
			if err := add(pre, false); err != nil {
				return err
			}
		}
		for _, dep := range deps[file] {
			if err := add(moduleName(dep), true); err != nil {
				return err
			}
		}
		order = append(order, file)
		return nil
	}
	for _, name := range names {
		if err := add(name, true); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// readDeps reads modules.dep: for each file, the files it needs.
func readDeps(dir fs.FS) (map[string][]string, error) {
	f, err := dir.Open("modules.dep")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	deps := map[string][]string{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if file, needs, ok := strings.Cut(lines.Text(), ":"); ok {
			deps[file] = strings.Fields(needs)
		}
	}
	return deps, lines.Err()
}

// readSoftDeps reads modules.softdep: for each module, those to load before it if they exist. They are services that it asks
// the kernel for by name, such as a checksum.
func readSoftDeps(dir fs.FS) (map[string][]string, error) {
	b, err := fs.ReadFile(dir, "modules.softdep")
	if err != nil {
		return nil, err
	}
	soft := map[string][]string{}
	for line := range strings.Lines(string(b)) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "softdep" {
			continue
		}
		pre := true
		for _, w := range words[2:] {
			switch {
			case w == "pre:":
				pre = true
			case w == "post:":
				pre = false
			case pre:
				soft[words[1]] = append(soft[words[1]], w)
			}
		}
	}
	return soft, nil
}

// readAliases reads modules.alias: for each service, a module that provides it.
func readAliases(dir fs.FS) (map[string]string, error) {
	b, err := fs.ReadFile(dir, "modules.alias")
	if err != nil {
		return nil, err
	}
	aliases := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == "alias" {
			aliases[words[1]] = words[2]
		}
	}
	return aliases, nil
}

// moduleName is the name of the module in a file: the kernel knows no hyphens.
func moduleName(file string) string {
	return strings.ReplaceAll(strings.TrimSuffix(path.Base(file), ".ko"), "-", "_")
}
