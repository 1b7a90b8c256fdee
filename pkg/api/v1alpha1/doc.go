// Package v1alpha1 holds the types that people write and that agent, leader
// and plugin exchange through the bucket.
//
// Federation, Cluster and Placement are public API: strictly decoded, kept
// compatible. Shard, Report, Heartbeat and the Status types are documented for
// auditors but are an agreement between one release's agent and leader.
// The package does no I/O, reads no clock and imports nothing else of ours.
package v1alpha1
