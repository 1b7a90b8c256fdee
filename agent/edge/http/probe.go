package http

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// maxCheckBody is what is read of an answer to a check.
const maxCheckBody = 64 << 10

// Prober finds out whether an endpoint serves.
type Prober interface {
	Probe(ctx context.Context, address string, protocol v1alpha1.BackendProtocol, path string) error
}

// Network asks the network. Each check has a connection of its own: one that
// is kept tells nothing of those to come.
type Network struct{}

// Probe connects, and asks for a path unless it is empty. 2xx and 3xx are healthy.
func (Network) Probe(ctx context.Context, address string, protocol v1alpha1.BackendProtocol, path string) error {
	if path == "" {
		conn, err := dialer(address).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	p := newPool(endpointKey{address: address, protocol: protocol})
	defer p.retire()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.scheme+"://"+address+path, http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", "fed-edge-check")
	r.Close = protocol != v1alpha1.ProtocolH2C
	answer, err := p.roundTrip(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(answer.Body, maxCheckBody)); err != nil {
		return err
	}
	if answer.StatusCode < 200 || answer.StatusCode > 399 {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return nil
}
