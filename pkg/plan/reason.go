package plan

import (
	"fmt"
	"strings"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// named is how many keys a reason names of each sort.
const named = 3

type changeSort int

const (
	added changeSort = iota
	updated
	removed
	sorts
)

// changes collects what makes a shard differ.
type changes struct {
	count [sorts]int
	keys  [sorts][]string
}

func (c *changes) add(sort changeSort, k v1alpha1.Key) {
	c.count[sort]++
	if len(c.keys[sort]) < named {
		c.keys[sort] = append(c.keys[sort], k.String())
	}
}

func (c *changes) String() string {
	var parts []string
	for sort, word := range [sorts]string{"added", "changed", "removed"} {
		if c.count[sort] == 0 {
			continue
		}
		part := word + " " + strings.Join(c.keys[sort], ", ")
		if more := c.count[sort] - len(c.keys[sort]); more > 0 {
			part += fmt.Sprintf(" and %d more", more)
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return "tombstones or membership changed"
	}
	return strings.Join(parts, "; ")
}
