// Package http serves the federation's Ingresses: in go traffic documents and
// certificates, out go answers to HTTP requests, each from the closest cluster
// that is healthy.
//
// Caddy serves: one static configuration, loaded once, with handlers of ours
// that look at the newest document for each request. A new document therefore
// drops nothing. What is decided of a request, choose.go, and of an endpoint,
// standing.go, knows neither Caddy nor the network.
//
// It never reads the bucket, never asks anybody for a certificate, and never
// sends a request to a cluster that a user drained.
package http
