// Package lead is what the holder of the federation's lease does: it plans
// every member's shard from the specs, and turns the members' reports into the
// status people read.
//
// In go what users wrote (a snapshot, the bell, requests) and what agents
// reported; out come revisions under shards/ and everything under status/ and
// leader/. Decisions are made in pkg/plan and pkg/status; this package reads,
// asks them, and writes what they say.
//
// It never writes a spec, except to remove one whose delete is done. It never
// takes a failing bucket for an empty one, and writes nothing once its lease
// is about to run out.
package lead
