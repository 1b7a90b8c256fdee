package hub

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// CheckKey returns an error matching ErrInvalidKey unless key is a relative,
// slash-separated name that stays below whatever root it is joined to. Every
// Bucket calls it before it does anything with a key.
func CheckKey(key string) error {
	if key == "" {
		return fmt.Errorf("%w: it is empty", ErrInvalidKey)
	}
	if len(key) > MaxKeyLength {
		return fmt.Errorf("%w: %d bytes are more than %d", ErrInvalidKey, len(key), MaxKeyLength)
	}
	if !utf8.ValidString(key) {
		return fmt.Errorf("%w: %q is not valid UTF-8", ErrInvalidKey, key)
	}
	if i := strings.IndexFunc(key, forbiddenRune); i >= 0 {
		return fmt.Errorf("%w: %q holds a control character or a backslash", ErrInvalidKey, key)
	}
	for element := range strings.SplitSeq(key, "/") {
		if element == "" {
			return fmt.Errorf("%w: %q begins or ends with a slash, or holds two in a row", ErrInvalidKey, key)
		}
		if element == "." || element == ".." {
			return fmt.Errorf("%w: %q holds the element %q", ErrInvalidKey, key, element)
		}
	}
	return nil
}

// forbiddenRune tells the C0 and C1 control characters, which could also write
// to a terminal, the separators of line and paragraph, and the backslash,
// which separates elements on other systems.
func forbiddenRune(r rune) bool {
	return r < 0x20 || (r >= 0x7f && r < 0xa0) || r == '\u2028' || r == '\u2029' || r == '\\'
}
