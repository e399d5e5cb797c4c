package config

import "reflect"

// relabel gives what stands under a pattern to one link that it matches: parts that the pattern has are parts of the link. Lists that
// i shares with other interfaces are copied where they differ.
func (i *Interface) relabel(pattern, link string, r *relabeler) {
	v := r.copy(reflect.ValueOf(i).Elem(), pattern, link)
	reflect.ValueOf(i).Elem().Set(v)
}

// relabeler walks what an interface is made of. Types in which there is no Slot are left alone.
type relabeler struct{ has map[reflect.Type]bool }

var slotType = reflect.TypeFor[Slot]()

// holds tells whether a value of the type has a Slot in it.
func (r *relabeler) holds(t reflect.Type) bool {
	if t == slotType {
		return true
	}
	if r.has == nil {
		r.has = map[reflect.Type]bool{}
	}
	if known, ok := r.has[t]; ok {
		return known
	}
	r.has[t] = false
	found := false
	switch t.Kind() {
	case reflect.Slice, reflect.Pointer, reflect.Array:
		found = r.holds(t.Elem())
	case reflect.Struct:
		for n := range t.NumField() {
			found = found || t.Field(n).IsExported() && r.holds(t.Field(n).Type)
		}
	}
	r.has[t] = found
	return found
}

// mentions tells whether a value has a Slot of that name in it. Where a pattern has none, its links need no copies.
func (r *relabeler) mentions(v reflect.Value, name string) bool {
	if !r.holds(v.Type()) {
		return false
	}
	switch v.Kind() {
	case reflect.Pointer:
		return !v.IsNil() && r.mentions(v.Elem(), name)
	case reflect.Slice:
		for n := range v.Len() {
			if r.mentions(v.Index(n), name) {
				return true
			}
		}
	case reflect.Struct:
		if s, ok := v.Interface().(Slot); ok {
			return s.Name == name
		}
		for n := range v.NumField() {
			if v.Type().Field(n).IsExported() && r.mentions(v.Field(n), name) {
				return true
			}
		}
	}
	return false
}

func (r *relabeler) copy(v reflect.Value, pattern, link string) reflect.Value {
	if !r.holds(v.Type()) {
		return v
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(r.copy(v.Elem(), pattern, link))
		return out
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for n := range v.Len() {
			out.Index(n).Set(r.copy(v.Index(n), pattern, link))
		}
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		if s, ok := v.Interface().(Slot); ok {
			if s.Name == pattern {
				out.Set(reflect.ValueOf(Slot{Name: link, Bits: s.Bits}))
			}
			return out
		}
		for n := range v.NumField() {
			if v.Type().Field(n).IsExported() {
				out.Field(n).Set(r.copy(v.Field(n), pattern, link))
			}
		}
		return out
	}
	return v
}
