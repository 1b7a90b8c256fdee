// Package lead is what the holder of the federation's lease does: it plans
// every member's shard from the specs, turns the members' reports into the
// status people read, and tells those who carry users' requests where they go.
//
// In go what users wrote (a snapshot, the bell, requests), what agents reported
// and which edges are registered; out come revisions under shards/ and
// everything under status/, leader/ and traffic/. Decisions are made in pkg/plan,
// pkg/status and pkg/traffic; this package reads, asks them, and writes what
// they say.
//
// It never writes a spec, except to remove one whose delete is done. It never
// takes a failing bucket for an empty one, and writes nothing once its lease
// is about to run out.
package lead
