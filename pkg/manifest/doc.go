// Package manifest turns submitted bytes into objects.
//
// In go YAML or JSON and the table of known kinds; out come strictly decoded
// objects in a version that current clusters serve, each under its key, with
// warnings for what was converted. Structure and names are checked, nothing is
// defaulted: that is the member's API server's part, whose refusal is reported.
package manifest
