// Package traffic decides where users' requests go.
//
// In go Ingresses and Services as people wrote them, what the members report
// of them, the verdicts on the members, and the edges that are registered; out
// comes the document that whoever carries requests serves (Build), what is to be
// told of each Ingress, and how two documents differ (Diff). For those who
// carry, it tells which backend a request is for (Table) and which clusters are
// closest (Tiers).
//
// Everything here is a function of its input: no clock, no bucket, no network.
// It never makes a set of endpoints empty because of what it does not know: see
// the states of a backend's cluster.
package traffic
