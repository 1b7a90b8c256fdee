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

func (c *changes) any() bool { return c.count != [sorts]int{} }

// reason is why the shard differs from the previous one, in one line.
func (b *builder) reason(shard Shard, buried, moved bool) string {
	m := &b.p.members[b.c]
	var parts []string
	switch {
	case m.joined:
		parts = append(parts, "the cluster joined")
	case shard.Leaving != m.prev.Leaving && shard.Leaving != "":
		parts = append(parts, "the cluster leaves")
	case shard.Leaving != m.prev.Leaving:
		parts = append(parts, "the cluster stays")
	}
	if objects := b.change.String(); objects != "" {
		parts = append(parts, objects)
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, "; ")
	case buried:
		return "tombstones changed"
	case moved:
		return "addresses changed"
	}
	return "probes changed"
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
	return strings.Join(parts, "; ")
}
