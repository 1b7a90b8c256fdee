// Package override changes an object for one cluster as its Placement says.
//
// In go an object and the overrides for a cluster, out comes the object with
// all of them applied, or unchanged with an error that says which part does not
// fit and why. It knows no cluster, guesses nothing, and never passes over what
// does not fit.
package override
