package kernel

import "github.com/sixfold-router/sixfold/router/rib"

// Tables returns a function that tells the table in which the addresses of a link are, and in which what comes in by it is
// looked up: that of the VRF device which the link is, or belongs to, and the main one for all others.
func (l Links) Tables() func(LinkState) uint32 {
	byIndex := map[int]uint32{}
	for _, s := range l {
		if s.Table != 0 && s.Index != 0 {
			byIndex[s.Index] = s.Table
		}
	}
	return func(s LinkState) uint32 {
		if s.Table != 0 {
			return s.Table
		}
		if t, ok := byIndex[s.Master]; ok && s.Master != 0 {
			return t
		}
		return rib.MainTable
	}
}

// vrfs returns the names of the VRF devices that links belong to, by index of the link.
func (l Links) vrfs() map[int]string {
	devices := map[int]string{}
	for name, s := range l {
		if s.Kind == "vrf" {
			devices[s.Index] = name
		}
	}
	out := map[int]string{}
	for _, s := range l {
		if name := devices[s.Master]; name != "" {
			out[s.Index] = name
		}
	}
	return out
}

// Table is Tables for one link, by name.
func (l Links) Table(name string) uint32 { return l.Tables()(l[name]) }
