// Package edgebench plays faults under a steady load and counts the requests
// that fail, through an edge and through an HAProxy that was told the same
// backends by hand. `make bench-edge` runs it and puts the table into
// docs/benchmarks.md; it needs root and a haproxy.
package edgebench
