package kernel

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sixfold-router/sixfold/router/disk"
)

// Settings of a link that are no sysctls, as origins has them.
const (
	settingMTU = "mtu"
	settingUp  = "up"
)

// wholeMachine stands for the index of a link in settings that belong to none.
const wholeMachine = 0

// origins keeps how links were before the router changed them, so that what leaves the configuration goes back to that. It holds
// from the first change of a setting until the setting is no longer wanted, beyond the life of the process, and no longer than the
// link.
type origins struct {
	file    string // empty: in memory only
	links   map[int]map[string]foundSetting
	unsaved map[int]struct{} // links of which the file does not have all
	whole   bool             // the file has all else, and lines can be added to it
	lines   int              // that were added to it
}

// foundSetting is one setting: the value that it had, and the one that we left it with. While it has the latter, nobody else
// changed it since.
type foundSetting struct {
	Was  string `json:"was"`
	Left string `json:"left"`
}

// foundFile is how origins is kept on disk. Lines follow it: with thousands of links it is not written anew for each.
type foundFile struct {
	Machine string                          `json:"machine"` // indexes of links mean something only there
	Links   map[int]map[string]foundSetting `json:"links"`
}

// foundLine is what became of one link since: all of its settings, or none.
type foundLine struct {
	Link     int                     `json:"link"`
	Settings map[string]foundSetting `json:"settings,omitempty"`
}

// spareLines is how many lines a file may have beside two for each link before it is written anew.
const spareLines = 256

// machine names what has the indexes of links: this network namespace, since the machine was started.
func machine() string {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	var s unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &s); err != nil {
		return ""
	}
	return fmt.Sprintf("%s %d", strings.TrimSpace(string(boot)), s.Ino)
}

// load reads what an earlier process kept.
func (o *origins) load(file string, log *slog.Logger) {
	*o = origins{file: file, links: map[int]map[string]foundSetting{}}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var kept foundFile
	in := json.NewDecoder(bytes.NewReader(data))
	if err == nil {
		err = in.Decode(&kept)
	}
	switch {
	case err != nil:
		log.Warn("links that leave the configuration will stay as they are", "error", err)
		return
	case kept.Machine != machine() || kept.Links == nil:
		return
	}
	o.links = kept.Links
	for {
		var l foundLine
		switch err := in.Decode(&l); {
		case err == io.EOF:
			o.whole = true
			return
		case err != nil:
			return // it was being written when the process ended: what it tells of was not done yet
		case len(l.Settings) == 0:
			delete(o.links, l.Link)
		default:
			o.links[l.Link] = l.Settings
		}
		o.lines++
	}
}

// save puts on disk what is not there yet.
func (o *origins) save() error {
	if len(o.unsaved) == 0 || o.file == "" {
		return nil
	}
	var err error
	if o.whole && o.lines+len(o.unsaved) <= 2*len(o.links)+spareLines {
		err = o.add()
	} else {
		err = o.rewrite()
	}
	o.whole = err == nil
	if err != nil {
		return fmt.Errorf("keep how the links were: %w", err)
	}
	clear(o.unsaved)
	return nil
}

// add adds lines to the file for what is not there yet. They outlive the process; when the machine stops, what they tell of is gone with
// it, so nobody waits for the disk.
func (o *origins) add() error {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	for _, index := range slices.Sorted(maps.Keys(o.unsaved)) {
		if err := out.Encode(foundLine{index, o.links[index]}); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(o.file, os.O_WRONLY|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return o.rewrite()
	}
	if err != nil {
		return err
	}
	_, err = f.Write(b.Bytes())
	o.lines += len(o.unsaved)
	return errors.Join(err, f.Close())
}

// rewrite replaces the file.
func (o *origins) rewrite() error {
	data, err := json.Marshal(foundFile{machine(), o.links})
	if err != nil {
		return err
	}
	o.lines = 0
	return disk.WriteFile(o.file, append(data, '\n'))
}

// touched notes that the file does not have all of a link.
func (o *origins) touched(index int) {
	if o.unsaved == nil {
		o.unsaved = map[int]struct{}{}
	}
	o.unsaved[index] = struct{}{}
}

// note remembers a setting that is about to be changed from was to left.
func (o *origins) note(index int, setting, was, left string) {
	if o.links == nil {
		o.links = map[int]map[string]foundSetting{}
	}
	of := o.links[index]
	if of == nil {
		of = map[string]foundSetting{}
		o.links[index] = of
	}
	s, ok := of[setting]
	if !ok {
		s.Was = was
	}
	if s.Left != left || !ok {
		s.Left = left
		of[setting] = s
		o.touched(index)
	}
}

// forget drops a setting.
func (o *origins) forget(index int, setting string) {
	if _, ok := o.links[index][setting]; !ok {
		return
	}
	delete(o.links[index], setting)
	if len(o.links[index]) == 0 {
		delete(o.links, index)
	}
	o.touched(index)
}

// keepOnly drops the links that are no longer there.
func (o *origins) keepOnly(links Links) {
	if len(o.links) == 0 {
		return
	}
	byIndex := make(map[int]struct{}, len(links))
	for _, l := range links {
		byIndex[l.Index] = struct{}{}
	}
	for index := range o.links {
		if _, ok := byIndex[index]; !ok && index != wholeMachine {
			delete(o.links, index)
			o.touched(index)
		}
	}
}

// sysctlSetting names the setting of a link without the link: ipv6/conf/accept_ra.
func sysctlSetting(p string) string {
	parts := strings.Split(p, "/")
	if len(parts) != 5 {
		return p
	}
	return path.Join(parts[1], parts[2], parts[4])
}

// sysctlPath is the reverse of sysctlSetting for a link.
func sysctlPath(setting, link string) string {
	if strings.HasPrefix(setting, "net/") {
		return setting
	}
	dir, key := path.Split(setting)
	return path.Join("net", dir, link, key)
}

// back is a setting that gets back the value it was found with.
type back struct {
	link     LinkState
	setting  string
	now, was string
}

// backs returns what of origins is no longer wanted: the settings to put back, and those that are as they should be, or that others
// changed, and are only to be forgotten. It looks at some of the links. A link that others use meanwhile stays up.
func (w *LinkWriter) backs(cfg Config, links, some Links) (put, forget []back) {
	if len(w.origins.links) == 0 {
		return nil, nil
	}
	byIndex := some.byIndex()
	wanted := w.wantedSettings(cfg, links, byIndex)
	for index, settings := range w.origins.links {
		l, ok := byIndex[index]
		if !ok && index != wholeMachine {
			continue
		}
		for setting, f := range settings {
			if wanted[l.Name][setting] {
				continue
			}
			b := back{link: l, setting: setting, was: f.Was}
			switch setting {
			case settingMTU:
				b.now = fmt.Sprint(l.MTU)
			case settingUp:
				b.now = map[bool]string{false: "0", true: "1"}[l.Up]
				if w.inUse(cfg, links, l) {
					b.now = ""
				}
			default:
				b.now, _ = w.sys.get(sysctlPath(setting, l.Name))
			}
			if b.now == f.Left && b.now != f.Was {
				put = append(put, b)
			} else {
				forget = append(forget, b)
			}
		}
	}
	// The MTU first, for with a small one there are no sysctls; down last.
	rank := map[string]int{settingMTU: -1, settingUp: 1}
	slices.SortFunc(put, func(a, b back) int {
		return cmp.Or(cmp.Compare(rank[a.setting], rank[b.setting]), strings.Compare(a.link.Name, b.link.Name), strings.Compare(a.setting, b.setting))
	})
	return put, forget
}

// wantedSettings returns what cfg wants of the links that origins has something of.
func (w *LinkWriter) wantedSettings(cfg Config, links Links, byIndex map[int]LinkState) map[string]map[string]bool {
	some := Config{Forwarding: cfg.Forwarding, Links: map[string]Link{}}
	out := map[string]map[string]bool{"": {nonlocalBind: cfg.AnyIP}}
	for index := range w.origins.links {
		name := byIndex[index].Name
		want, ok := cfg.Links[name]
		if !ok {
			continue
		}
		some.Links[name] = want
		out[name] = map[string]bool{settingUp: true, settingMTU: want.MTU != 0}
	}
	for _, s := range sysctlPlan(some, links) {
		if s.link != "" {
			out[s.link][sysctlSetting(s.path)] = true
		}
	}
	return out
}

// inUse reports whether somebody else relies on a link that we set up: it has an address that is not ours, belongs to a bridge, or
// carries a link that was not in the configuration.
func (w *LinkWriter) inUse(cfg Config, links Links, l LinkState) bool {
	if l.Master != 0 {
		return true
	}
	for _, a := range l.Addresses {
		if !a.Ours && !a.Dynamic && !a.Prefix.Addr().IsLinkLocalUnicast() {
			return true
		}
	}
	for name, upper := range links {
		if upper.Parent != l.Index {
			continue
		}
		if _, wanted := cfg.Links[name]; wanted || w.settled[name].want.Name == "" {
			return true
		}
	}
	return false
}

// byIndex returns the links by their indexes.
func (l Links) byIndex() map[int]LinkState {
	out := make(map[int]LinkState, len(l))
	for _, state := range l {
		if state.Index != wholeMachine { // else it does not exist yet
			out[state.Index] = state
		}
	}
	return out
}

// PutBack returns links as they will be once what is no longer wanted of them was put back. Apply does that too; Simulate, which
// knows nothing of how links were found, goes on from here.
func (w *LinkWriter) PutBack(want Config, links Links) Links {
	w.mu.Lock()
	defer w.mu.Unlock()
	good, _ := named(want)
	put, _ := w.backs(good, links, links)
	if len(put) == 0 {
		return links
	}
	out := make(Links, len(links))
	for name, l := range links {
		out[name] = l
	}
	for _, b := range put {
		l, ok := out[b.link.Name]
		if !ok {
			continue
		}
		switch b.setting {
		case settingMTU:
			_, _ = fmt.Sscan(b.was, &l.MTU)
		case settingUp:
			l.Up, l.Running = false, false
		}
		out[b.link.Name] = l
	}
	return out
}
