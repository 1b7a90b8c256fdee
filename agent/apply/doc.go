// Package apply makes a member cluster run its shard.
//
// In goes a shard (Engine.Take) and what the watch says of the objects in the
// member that bear our mark; out come server-side applies in dependency order,
// deletions named by tombstones, repairs of drift, the addresses that Ingresses
// show, and one ObjectReport per object. Whether and what to do is decided by the pure functions Decide,
// Drift, Contested and Classify; Engine carries it out.
//
// It never deletes without a tombstone, never touches an object of another
// federation, never lets one object's refusal hold up another, and never talks
// to the bucket. An object that leaves the shard without a tombstone is left
// as it is.
package apply
