// Package server answers the Kubernetes REST API over a federation.
//
// What goes in are HTTP requests as any Kubernetes client makes them; what
// comes out are an API server's answers: objects, tables, watches, statuses.
// What is wanted is read from and written to the federation's specs, what is
// seen comes from the status its leader keeps. The package never talks to a
// cluster, and never decides what runs where.
package server
