package config

import "slices"

// loops reports interfaces that lie, over others, on themselves: each circle once, at its last one in the file. A bridge and a bond
// lie on their ports.
func (b *builder) loops(cfg *Config) {
	g := graph{below: map[string][]string{}, at: map[[2]string]*spot{}, number: map[string]int{}, low: map[string]int{}, open: map[string]bool{}}
	for n := range cfg.Interfaces {
		i := &cfg.Interfaces[n]
		if lower := i.Lower(); lower != "" && lower != i.Name {
			g.add(i.Name, lower, b.at(i.Name).field(i.Kind()).field("link"))
		}
		if i.Master != "" {
			g.add(i.Master, i.Name, b.at(i.Name).field("master"))
		}
	}
	reported := map[string]bool{}
	for n := range cfg.Interfaces {
		g.visit(cfg.Interfaces[n].Name)
	}
	for n := len(cfg.Interfaces) - 1; n >= 0; n-- {
		name := cfg.Interfaces[n].Name
		circle := g.circle[name]
		if len(circle) < 2 || reported[circle[0]] {
			continue
		}
		reported[circle[0]] = true
		way := g.way(name, circle)
		path := name
		for _, next := range way[1:] {
			path += " over " + next
		}
		b.errorf(g.at[[2]string{name, way[1]}], "goes in a circle: %s over %s", excerpt(path), name)
	}
}

// graph finds circles (Tarjan's strongly connected components).
type graph struct {
	below       map[string][]string
	at          map[[2]string]*spot // what makes the one lie on the other
	number, low map[string]int
	open        map[string]bool
	stack       []string
	circle      map[string][]string // the component that a name is in
}

func (g *graph) add(upper, lower string, at *spot) {
	g.below[upper] = append(g.below[upper], lower)
	g.at[[2]string{upper, lower}] = at
}

func (g *graph) visit(name string) {
	if g.number[name] != 0 {
		return
	}
	if g.circle == nil {
		g.circle = map[string][]string{}
	}
	g.number[name] = len(g.number) + 1
	g.low[name] = g.number[name]
	g.stack, g.open[name] = append(g.stack, name), true
	for _, next := range g.below[name] {
		if g.number[next] == 0 {
			g.visit(next)
			g.low[name] = min(g.low[name], g.low[next])
		} else if g.open[next] {
			g.low[name] = min(g.low[name], g.number[next])
		}
	}
	if g.low[name] != g.number[name] {
		return
	}
	first := len(g.stack) - 1
	for g.stack[first] != name {
		first--
	}
	members := slices.Clone(g.stack[first:])
	g.stack = g.stack[:first]
	for _, m := range members {
		g.open[m] = false
		g.circle[m] = members
	}
}

// way returns the names of a shortest way from a name back to it, without the return.
func (g *graph) way(name string, circle []string) []string {
	inside := make(map[string]bool, len(circle))
	for _, m := range circle {
		inside[m] = true
	}
	from := map[string]string{}
	for queue := []string{name}; len(queue) > 0; queue = queue[1:] {
		for _, next := range g.below[queue[0]] {
			if next == name {
				way := []string{queue[0]}
				for at := queue[0]; at != name; {
					at = from[at]
					way = append(way, at)
				}
				slices.Reverse(way)
				return way
			}
			if _, seen := from[next]; !seen && inside[next] {
				from[next] = queue[0]
				queue = append(queue, next)
			}
		}
	}
	return []string{name}
}
