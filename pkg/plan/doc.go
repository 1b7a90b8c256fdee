// Package plan decides what every member cluster is to run.
//
// In go the specs as people wrote them, the roster with each member's verdict,
// what each member was given before (its previous shard), what it acknowledged
// and what people asked for in requests. Out comes one wanted shard per
// member with the reason of every change, the specs that are held and why, and
// those whose delete is done.
//
// Plan is a function: the same input in any order gives the same output. It
// never reads a clock or the bucket, never deletes without a user's word, and
// never changes what it is given.
package plan
