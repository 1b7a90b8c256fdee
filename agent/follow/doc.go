// Package follow is a member's loop: own shard → apply → observe → report.
//
// In go the revisions of the member's shard and what apply and observe know of
// the member; out come calls of Engine.Take, one report when something changed
// and a heartbeat every few seconds. It decides which revision to take over
// and whether this process may speak for the cluster; it never decides what to
// do with an object, and never reads anything of the bucket but this cluster's
// own shard, heartbeat and report.
package follow
