package override

import (
	"fmt"
	"strconv"
	"strings"
)

// tokens of a JSON pointer (RFC 6901).
func tokens(pointer string) []string {
	list := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, s := range list {
		list[i] = strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
	}
	return list
}

// child of a mapping or list.
func child(v any, token string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		c, ok := v[token]
		return c, ok
	case []any:
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(v) {
			return v[i], true
		}
	}
	return nil, false
}

// at is the value under a pointer; nil where there is none.
func at(v any, pointer string) any {
	for _, token := range tokens(pointer) {
		next, ok := child(v, token)
		if !ok {
			return nil
		}
		v = next
	}
	return v
}

// lookup is a pointer that an operation needs; of one that is made new only
// what it is made in.
type lookup struct {
	field, pointer string
	made           bool
}

// missing says what of the pointer is not there, or nothing.
func (l lookup) missing(object any) string {
	v, path := object, ""
	steps := tokens(l.pointer)
	for i, token := range steps {
		last := l.made && i == len(steps)-1
		next, ok := child(v, token)
		switch parent := v.(type) {
		case map[string]any:
			if !ok && !last {
				return fmt.Sprintf("there is no %q in %s", token, or(path, "it"))
			}
		case []any:
			if !ok && (!last || !appends(token, len(parent))) {
				return items(steps[max(i-1, 0)], len(parent))
			}
		default:
			return fmt.Sprintf("%s is neither a mapping nor a list", path)
		}
		v, path = next, path+"/"+token
	}
	return ""
}

// appends: a list takes a new item at its end.
func appends(token string, length int) bool { return token == "-" || token == strconv.Itoa(length) }

// items says how many a list has, its name being the plural of what it holds.
func items(list string, n int) string {
	switch {
	case !strings.HasSuffix(list, "s"):
		return fmt.Sprintf("%s has length %d", list, n)
	case n == 0:
		return "it has no " + list
	case n == 1:
		return "it has 1 " + strings.TrimSuffix(list, "s")
	}
	return fmt.Sprintf("it has %d %s", n, list)
}

func or(s, empty string) string {
	if s == "" {
		return empty
	}
	return s
}
