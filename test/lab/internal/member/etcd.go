package member

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// etcd listens on sockets in the cluster's directory, which is the process's
// working directory: no port to share out, no other user can reach it, and no
// limit on the length of the lab's path.
const (
	etcdSocket = "unix://etcd.sock:0"
	etcdPeer   = "unix://etcd-peer.sock:0"
	etcdData   = "etcd"
)

// startEtcd returns when the store answers. The caller closes it.
func startEtcd(ctx context.Context) (*embed.Etcd, error) {
	cfg, err := etcdConfig()
	if err != nil {
		return nil, err
	}
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	select {
	case <-e.Server.ReadyNotify():
		return e, nil
	case err := <-e.Err():
		e.Close()
		return nil, fmt.Errorf("start etcd: %w", err)
	case <-time.After(time.Minute):
		e.Close()
		return nil, errors.New("start etcd: not ready after a minute")
	case <-ctx.Done():
		e.Close()
		return nil, fmt.Errorf("start etcd: %w", ctx.Err())
	}
}

func etcdConfig() (*embed.Config, error) {
	client, err := url.Parse(etcdSocket)
	if err != nil {
		return nil, fmt.Errorf("parse etcd address: %w", err)
	}
	peer, err := url.Parse(etcdPeer)
	if err != nil {
		return nil, fmt.Errorf("parse etcd address: %w", err)
	}
	// A single member never dials these; etcd only wants names that resolve.
	advertised := url.URL{Scheme: "http", Host: "localhost:2380"}

	cfg := embed.NewConfig()
	cfg.Dir = etcdData
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{*client}, []url.URL{advertised}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{advertised}
	cfg.InitialCluster = cfg.Name + "=" + advertised.String()
	cfg.EnableGRPCGateway = false
	cfg.LogLevel = "error"
	// A killed process loses nothing without fsync; only a crash of the machine would.
	cfg.UnsafeNoFsync = true
	cfg.SnapshotCount = 5000
	cfg.BackendBatchInterval = 100 * time.Millisecond
	return cfg, nil
}
