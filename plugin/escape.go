package plugin

import (
	"io"
	"unicode/utf8"

	"k8s.io/cli-runtime/pkg/printers"
)

// escapeOnTerminal keeps text from the bucket from driving a terminal.
func escapeOnTerminal(w io.Writer) io.Writer {
	if !printers.IsTerminal(w) {
		return w
	}
	return escaper{w}
}

// escaper writes control characters as a caret and a letter, but for those
// that lay text out.
type escaper struct{ w io.Writer }

func (e escaper) Write(b []byte) (int, error) {
	if _, err := e.w.Write(escape(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

func escape(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == '\n' || r == '\t':
			out = append(out, b[0])
		case r < ' ':
			out = append(out, '^', byte(r)+'@')
		case r == 0x7f:
			out = append(out, '^', '?')
		case r >= 0x80 && r < 0xa0: // the eight-bit control characters
			out = append(out, '^', '[', byte(r)-0x40)
		default:
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out
}
