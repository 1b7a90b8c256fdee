// Package plugin is kubectl-fed's command line: a file per verb.
//
// What goes in are arguments, a kubeconfig and manifests; what comes out is
// text for people and scripts, and writes to the federation's bucket. kubectl's
// own commands do kubectl's own work: they talk to package server, in this
// process, as if it were a cluster. The package reaches a member cluster only
// where join is told to.
package plugin
