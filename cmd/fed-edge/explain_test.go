package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestExplain(t *testing.T) {
	listen := func(errno syscall.Errno) error {
		return fmt.Errorf("listen: %w", &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", errno)})
	}
	tests := []struct {
		err  error
		says string
	}{
		{listen(syscall.EACCES), "CAP_NET_BIND_SERVICE"},
		{listen(syscall.EADDRINUSE), "stop who listens there"},
		{listen(syscall.EADDRNOTAVAIL), "no such address"},
		{errors.New("something else"), "something else"},
		{nil, ""},
	}
	for _, tt := range tests {
		got := explain(tt.err)
		if !errors.Is(got, tt.err) || got != nil && !strings.Contains(got.Error(), tt.says) {
			t.Errorf("%v: %v", tt.err, got)
		}
	}
}
