// Package agent is one member cluster's agent: it wires follow, apply and
// observe, and optionally a leader's loops, into a controller-runtime manager
// with health and metrics endpoints and an election among replicas.
//
// In go a member's API server and a bucket behind small interfaces; out comes
// a running agent. It never exits because one of them is away. Beyond them it
// talks to nobody; it only connects to the addresses that it is asked to probe
// and may reach.
package agent
