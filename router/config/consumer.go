package config

import (
	"io/fs"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
	"github.com/sixfold-router/sixfold/router/notify/render"
)

// Consumer is who is told of changes of a delegation: a program, a file, a file and a program, or a URL.
type Consumer struct {
	Name       string
	Run        []string      `json:",omitempty"`
	File       *ConsumerFile `json:",omitempty"`
	URL, Token string        `json:",omitempty"`
	CA         string        `json:",omitempty"`
	User       string        `json:",omitempty"`
	Timeout    time.Duration
	Lifetimes  bool `json:",omitempty"`
}

// ConsumerFile is a file that is written when a delegation changes.
type ConsumerFile struct {
	Path, Template string
	Mode           fs.FileMode
	Owner          string `json:",omitempty"`
	Remove         bool   `json:",omitempty"`
}

// How long a consumer may take to be told.
const (
	consumerTimeout    = 30 * time.Second
	minConsumerTimeout = time.Second
	maxConsumerTimeout = time.Hour
)

// userName is what a user or group may be called (useradd(8)), or its number.
var userName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$`)

func (b *builder) consumers(m map[string]*sixfoldv1.Consumer, s *spot) []Consumer {
	var all []Consumer
	for _, name := range inOrder(m, s) {
		all = append(all, b.consumer(name, m[name], s.entry(name)))
	}
	sortByName(all, func(c Consumer) string { return c.Name })
	return all
}

func (b *builder) consumer(name string, m *sixfoldv1.Consumer, s *spot) Consumer {
	c := Consumer{
		Name: name, Run: slices.Clone(m.GetRun()), URL: m.GetUrl(), Token: m.GetToken(), CA: m.GetCa(), User: m.GetUser(), Lifetimes: m.GetLifetimes(),
		Timeout: b.consumerTimeout(m.GetTimeout(), s.field("timeout")),
	}
	switch {
	case m.GetUrl() != "" && (len(m.GetRun()) > 0 || m.GetFile() != nil):
		b.errorf(s.field("url"), "a consumer is a program, a file, a file with a program, or a URL: make the URL one of its own")
	case m.GetUrl() == "" && len(m.GetRun()) == 0 && m.GetFile() == nil && !unreadable(s, "run", "file", "url"):
		b.errorf(s, "a consumer needs run, file, or url")
	}
	if len(c.Run) > 0 {
		b.program(c.Run, s.field("run"))
	}
	if c.User != "" && len(c.Run) == 0 {
		b.errorf(s.field("user"), "only a program runs as a user; the owner of a file is file.owner")
	} else if c.User != "" && !userName.MatchString(c.User) {
		b.errorf(s.field("user"), "%q is not the name of a user", excerpt(c.User))
	}
	if m.GetFile() != nil {
		c.File = b.consumerFile(m.GetFile(), s.field("file"))
	}
	b.webhook(c, s)
	return c
}

// unreadable reports whether a field has something that could not be read, of which enough was said.
func unreadable(s *spot, fields ...string) bool {
	return slices.ContainsFunc(fields, func(name string) bool {
		k := s.kids[name]
		return k != nil && k.bad
	})
}

func (b *builder) consumerTimeout(d *durationpb.Duration, s *spot) time.Duration {
	t := consumerTimeout
	if d != nil {
		if t = d.AsDuration(); t < minConsumerTimeout || t > maxConsumerTimeout {
			b.errorf(s, "%s is not from %s to %s", FormatDuration(t), FormatDuration(minConsumerTimeout), FormatDuration(maxConsumerTimeout))
		}
	}
	return t
}

// program checks the command line of a program, which no shell will see.
func (b *builder) program(argv []string, s *spot) {
	switch first := argv[0]; {
	case first == "":
		b.errorf(s.item(0), "there is no program")
	case len(argv) == 1 && strings.ContainsAny(first, " \t"):
		b.errorf(s.item(0), "%q is one word: write each argument as an element of the list, as [/usr/sbin/service, docker, restart]", excerpt(first))
	case strings.Contains(first, "/") && !filepath.IsAbs(first):
		b.errorf(s.item(0), "%q is not absolute: a program is found by its whole path, or by its name in the usual directories", excerpt(first))
	}
	for i, a := range argv {
		if strings.ContainsRune(a, 0) {
			b.errorf(s.item(i), "an argument cannot have a zero byte")
		}
	}
}

func (b *builder) consumerFile(m *sixfoldv1.ConsumerFile, s *spot) *ConsumerFile {
	f := &ConsumerFile{Path: m.GetPath(), Template: m.GetTemplate(), Mode: 0o644, Owner: m.GetOwner(), Remove: m.GetRemove()}
	if f.Path != "" && (!filepath.IsAbs(f.Path) || strings.HasSuffix(f.Path, "/") || strings.ContainsRune(f.Path, 0)) {
		b.errorf(s.field("path"), "%q is not the whole path of a file, as /etc/docker/ipv6.prefix", excerpt(f.Path))
	} else if first, taken := b.files[filepath.Clean(f.Path)]; taken {
		b.errorf(s.field("path"), "%s writes this file too: give each a file of its own", first.where())
	} else if f.Path != "" {
		if b.files == nil {
			b.files = map[string]*spot{}
		}
		b.files[filepath.Clean(f.Path)] = s
	}
	if _, err := render.Parse(f.Template); err != nil {
		b.errorf(s.field("template"), "%v", err)
	}
	if m.GetMode() != "" {
		mode, err := strconv.ParseUint(m.GetMode(), 8, 32)
		if err != nil || mode > 0o777 {
			b.errorf(s.field("mode"), "%q is not permissions in octal, as 0644", excerpt(m.GetMode()))
		}
		f.Mode = fs.FileMode(mode)
	}
	if f.Owner != "" {
		name, group, both := strings.Cut(f.Owner, ":")
		if name != "" && !userName.MatchString(name) || group != "" && !userName.MatchString(group) || both && group == "" {
			b.errorf(s.field("owner"), "%q is not USER, USER:GROUP or :GROUP", excerpt(f.Owner))
		}
	}
	return f
}

// webhook checks a URL. Its text can have secrets, and is not in the messages.
func (b *builder) webhook(c Consumer, s *spot) {
	if c.URL == "" {
		for key, value := range map[string]string{"token": c.Token, "ca": c.CA} {
			if value != "" {
				b.errorf(s.field(key), "%s belongs to a URL, and there is none", key)
			}
		}
		return
	}
	at := s.field("url")
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		b.errorf(at, "this is not a URL, as https://example.net/hook")
	case u.Scheme != "http" && u.Scheme != "https":
		b.errorf(at, "a URL begins with https:// or http://")
	case u.User != nil:
		b.errorf(at, "user and password do not belong into a URL: use token")
	case u.Scheme == "http" && c.CA != "":
		b.errorf(s.field("ca"), "http has no certificates: use https")
	case u.Scheme == "http" && c.Token != "" && !loopbackHost(u.Hostname()):
		b.errorf(s.field("token"), "a token goes over https only, or everybody on the way can read it")
	}
	if a, bad := netip.ParseAddr(hostOf(u)); bad == nil && a.IsLinkLocalUnicast() && a.Zone() == "" {
		b.errorf(at, "a link-local address is one on each link: say on which, as http://[fe80::1%%25eth0]/")
	}
	if c.CA != "" && !filepath.IsAbs(c.CA) {
		b.errorf(s.field("ca"), "%q is not the whole path of a file", excerpt(c.CA))
	}
	if strings.ContainsAny(c.Token, "\r\n\x00") {
		b.errorf(s.field("token"), "a token has no line breaks")
	}
}

// hostOf is the host of a URL, which may be none.
func hostOf(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.Hostname()
}

func loopbackHost(name string) bool {
	a, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && a.IsLoopback()
}
