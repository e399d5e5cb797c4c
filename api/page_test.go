package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sixfoldv1 "github.com/sixfold-router/sixfold/proto/sixfold/v1"
)

func self(s string) string { return s }

// collect reads all pages; between two of them, change may replace the items.
func collect(t *testing.T, items []string, size int32, change func(page int, items []string) []string) []string {
	t.Helper()
	var all []string
	token := ""
	for n := 0; ; n++ {
		got, next, err := page(&sixfoldv1.ListPendingRequest{PageSize: size, PageToken: token}, slices.Clone(items), self)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > int(size) {
			t.Fatalf("a page of %d items, want at most %d", len(got), size)
		}
		all = append(all, got...)
		if next == "" {
			return all
		}
		if n > 100 {
			t.Fatal("the pages do not end")
		}
		token = next
		if change != nil {
			items = change(n, items)
		}
	}
}

func TestPage(t *testing.T) {
	var many []string
	for i := range 25 {
		many = append(many, fmt.Sprintf("%02d", i))
	}
	for _, tt := range []struct {
		name   string
		items  []string
		size   int32
		change func(int, []string) []string
		want   string
	}{
		{"none", nil, 3, nil, ""},
		{"sorted", []string{"c", "a", "b"}, 3, nil, "a b c"},
		{"one each", []string{"c", "a", "b"}, 1, nil, "a b c"},
		{"exactly full", []string{"a", "b", "c", "d"}, 2, nil, "a b c d"},
		{"same key across pages", []string{"a", "b", "b", "b", "b", "c"}, 2, nil, "a b b b b c"},
		{"only one key", []string{"b", "b", "b", "b", "b"}, 2, nil, "b b b b b"},
		{"what came before is not listed, what comes after is", []string{"b", "d", "f"}, 2, func(_ int, items []string) []string {
			return append(items, "a", "e")
		}, "b d e f"},
		{"the last one went away", []string{"a", "b", "c", "d"}, 2, func(_ int, items []string) []string {
			return slices.DeleteFunc(items, func(s string) bool { return s == "b" })
		}, "a b c d"},
		{"all went away", many, 10, func(int, []string) []string { return nil }, strings.Join(many[:10], " ")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(collect(t, tt.items, tt.size, tt.change), " ")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("pages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPageSize(t *testing.T) {
	items := make([]string, maxPage+1)
	for i := range items {
		items[i] = fmt.Sprintf("%06d", i)
	}
	for _, tt := range []struct {
		size int32
		want int
	}{{0, defaultPage}, {7, 7}, {maxPage, maxPage}, {maxPage + 1, maxPage}} {
		got, next, err := page(&sixfoldv1.ListPendingRequest{PageSize: tt.size}, items, self)
		if err != nil || len(got) != tt.want || next == "" {
			t.Errorf("page_size %d: %d items, next %q, error %v, want %d and a token", tt.size, len(got), next, err, tt.want)
		}
	}
}

func TestPageRefuses(t *testing.T) {
	for name, req := range map[string]*sixfoldv1.ListPendingRequest{
		"negative size":    {PageSize: -1},
		"not base64":       {PageToken: "***"},
		"empty once read":  {PageToken: "gICA"},
		"nothing seen":     {PageToken: encodeToken("a", 0)},
		"standard padding": {PageToken: encodeToken("a", 1) + "="},
	} {
		if _, _, err := page(req, []string{"a"}, self); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v, want InvalidArgument", name, err)
		}
	}
}

func FuzzPageToken(f *testing.F) {
	f.Add(encodeToken("b", 1), int32(2))
	f.Add(encodeToken("b", 1<<63), int32(0))
	f.Add("AA", int32(-1))
	items := []string{"a", "b", "b", "c"}
	f.Fuzz(func(t *testing.T, token string, size int32) {
		got, next, err := page(&sixfoldv1.ListPendingRequest{PageSize: size, PageToken: token}, slices.Clone(items), self)
		switch {
		case err != nil && (got != nil || next != ""):
			t.Fatalf("items %q and token %q beside error %v", got, next, err)
		case err == nil && next != "" && len(got) == 0 && size > 0:
			t.Fatal("an empty page that is not the last")
		}
	})
}

func TestNatural(t *testing.T) {
	want := []string{"", "br1", "eth0", "eth2", "eth2.9", "eth2.100", "eth10", "ethx", "lo", "vxlan1000000000001", "vxlan9999999999999"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, func(a, b string) int { return strings.Compare(natural(a), natural(b)) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}
