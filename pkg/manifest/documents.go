package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// MaxDocument is the most one object may hold, in bytes, as submitted.
const MaxDocument = 1 << 20

// Document is one object as it stands in its source.
type Document struct {
	// Source is a file's path, a URL, or "STDIN".
	Source string
	// Line of the source on which the document begins, from 1.
	Line int
	Raw  []byte
}

// Error is a fault of a document.
type Error struct {
	Source string
	Line   int    // 0 where unknown
	Field  string // "spec.replicas"; empty where the whole document is meant
	Err    error
}

func (e *Error) Error() string {
	where := e.Source
	if e.Line > 0 {
		where += fmt.Sprintf(":%d", e.Line)
	}
	if e.Field != "" {
		return fmt.Sprintf("%s: %s: %v", where, e.Field, e.Err)
	}
	return fmt.Sprintf("%s: %v", where, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

func (d Document) fault(err error) error { return &Error{Source: d.Source, Line: d.Line, Err: err} }

// errTooLarge is told apart because an API server answers 413 to it.
var errTooLarge = fmt.Errorf("the object is larger than %d bytes", MaxDocument)

// IsTooLarge says that a document is over MaxDocument.
func IsTooLarge(err error) bool { return errors.Is(err, errTooLarge) }

// Documents splits a source at its "---" lines. Documents that hold nothing
// but comments are left out. A source may hold many documents; each is limited.
func Documents(source string, r io.Reader) ([]Document, error) {
	var docs []Document
	lines := bufio.NewReaderSize(r, 64<<10)
	current, line := Document{Source: source, Line: 1}, 0
	flush := func() {
		if !blank(current.Raw) {
			docs = append(docs, trimmed(current))
		}
		current = Document{Source: source, Line: line + 1}
	}
	for {
		text, err := lines.ReadBytes('\n')
		if len(text) > 0 {
			line++
			if separates(text) {
				flush()
			} else if current.Raw = append(current.Raw, text...); len(current.Raw) > MaxDocument {
				return nil, current.fault(errTooLarge)
			}
		}
		if errors.Is(err, io.EOF) {
			flush()
			return docs, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", source, err)
		}
	}
}

func separates(line []byte) bool {
	s := strings.TrimRight(string(line), " \t\r\n")
	return s == "---" || strings.HasPrefix(s, "--- #") || s == "..."
}

func blank(raw []byte) bool {
	for l := range bytes.Lines(raw) {
		if t := bytes.TrimSpace(l); len(t) > 0 && t[0] != '#' {
			return false
		}
	}
	return true
}

// trimmed moves the document's beginning to its first line with content.
func trimmed(d Document) Document {
	for {
		i := bytes.IndexByte(d.Raw, '\n')
		if i < 0 || len(bytes.TrimSpace(d.Raw[:i])) > 0 {
			return d
		}
		d.Raw, d.Line = d.Raw[i+1:], d.Line+1
	}
}
