// Package observe looks at a member cluster and says what it sees.
//
// In go an object (Judge) or the member's API server (Cluster); out come the
// health, counts and addresses of the object, and the facts about the member
// that its report carries. Where a workload lacks pods, Inspector asks why; where
// the shard names addresses of other clusters, Prober connects to them, if the
// member permits it, and tells whether they live. It never writes, neither to the
// member nor to the bucket, and it decides nothing about what runs where.
package observe
