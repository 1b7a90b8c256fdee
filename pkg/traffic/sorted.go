package traffic

import (
	"cmp"
	"maps"
	"slices"
)

// sortedKeys makes what comes out of a map the same each time.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
