// Package forecast tells what a plan would change. In go a federation as its
// bucket holds it, or an assumed roster, and manifests that are not submitted
// yet; out come the objects whose places change, per cluster, with reasons. It
// reads and writes nothing: it asks the very planner that leads.
package forecast
