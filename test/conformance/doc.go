// Package conformance asks a running edge what the Kubernetes documentation
// says of Ingresses: the table of paths and the table of wildcard hosts, row by
// row. The rows become Ingresses, a document in a bucket and an edge that
// follows it; `make e2e` runs it.
package conformance
