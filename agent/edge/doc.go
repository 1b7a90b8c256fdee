// Package edge keeps an edge up to date: in go the federation's traffic
// document, certificates and files of the edge's own, out go documents to serve
// and the edge's registration.
//
// What cannot be read, is refused or is missing takes nothing away: the last
// good document is served on, also by a process that starts while the bucket is
// away. A name that another edge holds is never taken from it, and a
// registration that a user removed is not written again.
//
// It serves no request itself; see agent/edge/http.
package edge
