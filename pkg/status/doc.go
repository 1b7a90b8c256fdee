// Package status decides what is said of clusters, objects and the federation.
//
// In go heartbeats, reports, what the plan asks of every member, what was
// concluded and written before, and the time. Out come verdicts on clusters
// and the status that people read.
//
// It never reads a clock, never trusts another machine's, counts a report only
// for what its cluster was asked to run, and never carries more than states
// and messages: no field of an object's spec or data passes through here.
package status
