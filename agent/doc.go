// Package agent is one member cluster's agent: it wires follow, apply and
// observe, and optionally a leader's loops, into a controller-runtime manager
// with health and metrics endpoints and an election among replicas.
//
// In go a member's API server and a bucket behind small interfaces; out comes
// a running agent. It talks to nothing else, and it survives the absence of
// either: it never exits because one of them is away.
package agent
