package ra

import (
	"net/netip"
	"reflect"
	"testing"
	"time"
)

// TestEqual: a difference in any field, however deep, is one.
func TestEqual(t *testing.T) {
	t.Parallel()
	full := func() *Interface {
		i := &Interface{}
		fill(reflect.ValueOf(i).Elem())
		return i
	}
	if !full().Equal(full()) {
		t.Fatal("two that are the same are not equal")
	}
	if !reflect.DeepEqual(full(), full()) {
		t.Fatal("the test fills differently each time")
	}
	// Each pass changes another one of the values.
	n := 0
	for ; ; n++ {
		i, at := full(), n
		where := alter(reflect.ValueOf(i).Elem(), &at, "Interface")
		if where == "" {
			break
		}
		if i.Equal(full()) || full().Equal(i) {
			t.Errorf("Equal overlooks %s", where)
		}
	}
	if n < 60 {
		t.Errorf("the test changed %d values only", n)
	}
}

// fill gives every value below v some value other than zero.
func fill(v reflect.Value) {
	switch x := v.Addr().Interface().(type) {
	case *netip.Addr:
		*x = netip.MustParseAddr("2001:db8::1")
		return
	case *netip.Prefix:
		*x = netip.MustParsePrefix("2001:db8::/64")
		return
	case *time.Time:
		*x = time.Unix(1000, 0)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for n := range v.NumField() {
			fill(v.Field(n))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for n := range v.Len() {
			fill(v.Index(n))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.String:
		v.SetString("a")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int16, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8, reflect.Uint16:
		v.SetUint(7)
	default:
		panic("no value for " + v.Type().String())
	}
}

// alter changes the value that comes after at others, and says which it is; empty: there are not so many.
func alter(v reflect.Value, at *int, where string) string {
	set := func(to any) string {
		if *at--; *at >= 0 {
			return ""
		}
		v.Set(reflect.ValueOf(to).Convert(v.Type()))
		return where
	}
	switch v.Addr().Interface().(type) {
	case *netip.Addr:
		return set(netip.MustParseAddr("2001:db8::2"))
	case *netip.Prefix:
		return set(netip.MustParsePrefix("2001:db8::/65"))
	case *time.Time:
		return set(time.Unix(2000, 0))
	}
	switch v.Kind() {
	case reflect.Struct:
		for n := range v.NumField() {
			if found := alter(v.Field(n), at, where+"."+v.Type().Field(n).Name); found != "" {
				return found
			}
		}
	case reflect.Slice:
		if found := set(v.Slice(0, 1).Interface()); found != "" {
			return found + " (length)"
		}
		return alter(v.Index(1), at, where+"[1]")
	case reflect.Pointer:
		if found := set(reflect.Zero(v.Type()).Interface()); found != "" {
			return found + " (nil)"
		}
		return alter(v.Elem(), at, where)
	case reflect.String:
		return set("b")
	case reflect.Bool:
		return set(false)
	default:
		return set(8)
	}
	return ""
}
