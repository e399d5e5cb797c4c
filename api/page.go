package api

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	defaultPage = 1000
	maxPage     = 10000
)

// pageRequest is what the list requests have in common.
type pageRequest interface {
	GetPageSize() int32
	GetPageToken() string
}

type keyed[T any] struct {
	key  string
	item T
}

// page sorts items by key and returns those that the request asks for, with the token of the next page. A token holds the
// key of the last item and how many items of that key were handed out, so that it stays right when items come and go
// between two pages.
func page[T any](req pageRequest, items []T, key func(T) string) ([]T, string, error) {
	size := int(req.GetPageSize())
	switch {
	case size < 0:
		return nil, "", status.Errorf(codes.InvalidArgument, "page_size %d is negative", size)
	case size == 0:
		size = defaultPage
	}
	size = min(size, maxPage)

	sorted := make([]keyed[T], len(items))
	for i, item := range items {
		sorted[i] = keyed[T]{key(item), item}
	}
	slices.SortStableFunc(sorted, func(a, b keyed[T]) int { return cmp.Compare(a.key, b.key) })

	start, last, seen := 0, "", uint64(0)
	if token := req.GetPageToken(); token != "" {
		var err error
		if last, seen, err = decodeToken(token); err != nil {
			return nil, "", err
		}
		start, _ = slices.BinarySearchFunc(sorted, last, func(e keyed[T], want string) int { return cmp.Compare(e.key, want) })
		for n := uint64(0); n < seen && start < len(sorted) && sorted[start].key == last; n++ {
			start++
		}
	}
	end := min(start+size, len(sorted))
	out := make([]T, 0, end-start)
	for _, e := range sorted[start:end] {
		if e.key != last {
			last, seen = e.key, 0
		}
		seen++
		out = append(out, e.item)
	}
	if end == len(sorted) {
		return out, "", nil
	}
	return out, encodeToken(last, seen), nil
}

func encodeToken(key string, seen uint64) string {
	return base64.RawURLEncoding.EncodeToString(append(binary.AppendUvarint(nil, seen), key...))
}

func decodeToken(token string) (key string, seen uint64, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", 0, status.Error(codes.InvalidArgument, "page_token is not one of this server")
	}
	seen, n := binary.Uvarint(raw)
	if n <= 0 || seen == 0 {
		return "", 0, status.Error(codes.InvalidArgument, "page_token is not one of this server")
	}
	return string(raw[n:]), seen, nil
}

// natural returns a key that sorts numbers in names by value: eth2 before eth10.
func natural(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		j := i
		for j < len(name) && name[j] >= '0' && name[j] <= '9' && j-i < 9 {
			j++
		}
		if j > i {
			b.WriteByte('0' + byte(j-i))
			b.WriteString(name[i:j])
			i = j
			continue
		}
		b.WriteByte(name[i])
		i++
	}
	return b.String()
}
