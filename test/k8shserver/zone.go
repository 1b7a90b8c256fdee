package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"
)

const (
	unknownZone     = "unknown"
	metadataHost    = "metadata.google.internal"
	metadataPath    = "/computeMetadata/v1/instance/zone"
	metadataTimeout = 2 * time.Second
	maxZone         = 256
)

// findZone asks, in this order: ZONE, which the manifest fills from the pod's
// topology label; Google's metadata server (GCE_METADATA_HOST moves it). A pod
// that finds neither says so and serves all the same.
func findZone(ctx context.Context, getenv func(string) string) string {
	if zone := getenv("ZONE"); zone != "" {
		return zone
	}
	zone, err := metadataZone(ctx, cmp.Or(getenv("GCE_METADATA_HOST"), metadataHost))
	if err != nil {
		return unknownZone
	}
	return zone
}

// metadataZone reads "projects/<number>/zones/<zone>" and keeps the last part.
func metadataZone(ctx context.Context, host string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, metadataTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+metadataPath, nil)
	if err != nil {
		return "", fmt.Errorf("ask for zone: %w", err)
	}
	req.Header.Set("Metadata-Flavor", "Google")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("ask for zone: %w", err)
	}
	defer resp.Body.Close()
	// Some networks answer any name; only the real server sends this back.
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Metadata-Flavor") != "Google" {
		return "", fmt.Errorf("ask for zone: %s", resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxZone))
	if err != nil {
		return "", fmt.Errorf("read zone: %w", err)
	}
	zone := path.Base(strings.TrimSpace(string(body)))
	if zone == "." || zone == "/" {
		return "", errors.New("read zone: it is empty")
	}
	return zone, nil
}
