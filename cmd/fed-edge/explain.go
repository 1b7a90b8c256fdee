package main

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// explain adds what to do to an error of listening.
func explain(err error) error {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "listen" {
		return err
	}
	switch {
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE: see --http-listen, --https-listen and --admin-listen", err)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w; stop who listens there, or choose another: see --http-listen, --https-listen and --admin-listen", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w; this machine has no such address: see --http-listen, --https-listen and --admin-listen", err)
	}
	return err
}
