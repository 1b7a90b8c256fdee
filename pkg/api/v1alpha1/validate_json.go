package v1alpha1

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// jsonText reads the JSON of an annotation field by field, as encoding/json
// would but strictly, and tells where in the text a fault is.
type jsonText struct {
	text string
	d    *json.Decoder
}

func newJSONText(text string) *jsonText {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return &jsonText{text, d}
}

// next is where the next token begins: past white space, commas and colons.
func (j *jsonText) next() int {
	at := int(j.d.InputOffset())
	for at < len(j.text) && strings.IndexByte(" \t\r\n,:", j.text[at]) >= 0 {
		at++
	}
	return at
}

// fault names the line and column, both from 1 and in bytes, and the field.
func (j *jsonText) fault(at int, path, format string, args ...any) error {
	at = min(max(at, 0), len(j.text))
	before := j.text[:at]
	line := 1 + strings.Count(before, "\n")
	column := at - strings.LastIndexByte(before, '\n')
	where := fmt.Sprintf("line %d, column %d: ", line, column)
	if path != "" {
		where += path + ": "
	}
	return errors.New(where + fmt.Sprintf(format, args...))
}

func (j *jsonText) token(path string) (json.Token, int, error) {
	at := j.next()
	t, err := j.d.Token()
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return t, at, nil
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, at, j.fault(len(j.text), path, "the JSON ends too early")
	case errors.As(err, &syntax):
		return nil, at, j.fault(at, path, "not valid JSON: %v", syntax)
	}
	return nil, at, j.fault(at, path, "not valid JSON: %v", err)
}

// whole reads the text with read, and refuses what comes after.
func (j *jsonText) whole(read func() error) error {
	if strings.TrimSpace(j.text) == "" {
		return j.fault(0, "", "it is empty")
	}
	if err := read(); err != nil {
		return err
	}
	if rest := j.d.InputOffset(); strings.TrimSpace(j.text[rest:]) != "" {
		at := len(j.text) - len(strings.TrimLeft(j.text[rest:], " \t\r\n"))
		return j.fault(at, "", "nothing may follow the JSON")
	}
	return nil
}

func (j *jsonText) open(path string, delim json.Delim, want string) error {
	t, at, err := j.token(path)
	if err != nil {
		return err
	}
	if t != delim {
		return j.fault(at, path, "want %s, not %s", want, describeToken(t))
	}
	return nil
}

// entries reads an object whose names are free; each reads a value.
func (j *jsonText) entries(path string, each func(name string, at int) error) error {
	if err := j.open(path, '{', "an object"); err != nil {
		return err
	}
	for {
		t, at, err := j.token(path)
		if err != nil {
			return err
		}
		if t == json.Delim('}') {
			return nil
		}
		name, ok := t.(string)
		if !ok {
			return j.fault(at, path, "want a name, not %s", describeToken(t))
		}
		if err := each(name, at); err != nil {
			return err
		}
	}
}

// jsonField reads one named field.
type jsonField struct {
	name string
	read func(path string) error
}

// fields reads an object with these fields, whose names are matched whatever
// their case. One that is null is as good as absent.
func (j *jsonText) fields(path string, known ...jsonField) error {
	seen := map[string]bool{}
	return j.entries(path, func(name string, at int) error {
		i := slices.IndexFunc(known, func(f jsonField) bool { return strings.EqualFold(f.name, name) })
		switch {
		case i < 0:
			names := make([]string, len(known))
			for i := range known {
				names[i] = known[i].name
			}
			return j.fault(at, path, "unknown field %q; there are %s", clip(name), strings.Join(names, ", "))
		case seen[known[i].name]:
			return j.fault(at, path, "%s is there twice", known[i].name)
		}
		seen[known[i].name] = true
		if strings.HasPrefix(j.text[j.next():], "null") {
			_, _, err := j.token(path)
			return err
		}
		return known[i].read(strings.TrimPrefix(path+"."+known[i].name, "."))
	})
}

// items reads a list; each reads one value.
func (j *jsonText) items(path string, each func(path string) error) error {
	if err := j.open(path, '[', "a list"); err != nil {
		return err
	}
	for i := 0; j.d.More(); i++ {
		if err := each(path + "[" + strconv.Itoa(i) + "]"); err != nil {
			return err
		}
	}
	_, _, err := j.token(path) // the closing bracket
	return err
}

func (j *jsonText) str(path string) (string, error) {
	t, at, err := j.token(path)
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", j.fault(at, path, "want text, not %s", describeToken(t))
	}
	return s, nil
}

func (j *jsonText) boolean(path string) (bool, error) {
	t, at, err := j.token(path)
	if err != nil {
		return false, err
	}
	b, ok := t.(bool)
	if !ok {
		return false, j.fault(at, path, "want true or false, not %s", describeToken(t))
	}
	return b, nil
}

func (j *jsonText) number(path string) (int64, error) {
	t, at, err := j.token(path)
	if err != nil {
		return 0, err
	}
	if n, ok := t.(json.Number); ok {
		if v, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
			return v, nil
		}
	}
	return 0, j.fault(at, path, "want a whole number, not %s", describeToken(t))
}

func describeToken(t json.Token) string {
	switch t := t.(type) {
	case nil:
		return "null"
	case json.Delim:
		switch t {
		case '{':
			return "an object"
		case '[':
			return "a list"
		}
	case string:
		return strconv.Quote(clip(t))
	}
	return clip(fmt.Sprint(t))
}

// clip keeps what is quoted in an error short.
func clip(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
