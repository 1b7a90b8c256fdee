package rollout

import (
	"fmt"
	"strconv"
	"strings"
)

// Approval is the text of the annotation that lets a rollout of that content
// go on up to and including a wave, counted from 0.
func Approval(wave int64, hash string) string { return fmt.Sprintf("%d@%s", wave, hash) }

// ParseApproval reads it back. What it cannot read approves nothing.
func ParseApproval(text string) (wave int64, hash string, ok bool) {
	number, hash, ok := strings.Cut(text, "@")
	wave, err := strconv.ParseInt(number, 10, 32)
	if !ok || err != nil || wave < 0 || hash == "" {
		return 0, "", false
	}
	return wave, hash, true
}
