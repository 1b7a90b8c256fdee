// Package plan decides what every member cluster is to run.
//
// In go the specs as people wrote them, the roster with each member's verdict,
// what each member was given before (its previous shard), what it says of it
// and what people asked for in requests. Out comes one wanted shard per
// member with the reason of every change, the specs that are held and why, and
// those whose delete is done.
//
// A key is settled first: followed, kept as it is, or removed (settle.go). What
// is followed has an intent: its Placement, Federation v1's annotations or the
// defaults of its kind (placements.go, policy.go, intent.go). That tells what
// every cluster is to it (select.go), how far its newest content has come
// (waves.go), and how much of it each is to have: divided, one, or all (share.go,
// job.go, place.go), reached without giving up what runs before its replacement
// does (transition.go). A budget holds what would be lost by accident
// (budget.go). Ingresses that the federation serves are rendered as such, with the
// Services that they name (served.go).
//
// Plan is a function: the same input in any order gives the same output, and a
// Cache makes it faster and nothing else. It never reads a clock or the bucket,
// never deletes without a user's word, and never changes what it is given.
package plan
