package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	getTimeout = 5 * time.Second
	maxAnswer  = 64 << 10
)

// ask prints the status and the body of one answer: the image holds no other
// program that could tell what a pod is answered.
func ask(ctx context.Context, url string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, getTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	_, err = fmt.Fprintf(out, "%d %s\n", resp.StatusCode, body)
	return err
}
