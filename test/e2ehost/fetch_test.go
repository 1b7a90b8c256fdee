package e2ehost

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const (
	fetchTimeout = 2 * time.Second
	fetchLimit   = 64 << 10
	downTimeout  = 2 * time.Minute
)

// fetch is a program for scripts: fetch [-method M] URL prints the status and
// the body of the answer in one line, or "none: " and why there is no answer.
// Every time is a new connection; it succeeds either way, for `eventually`.
func fetch() {
	method := flag.String("method", http.MethodGet, "HTTP method")
	flag.Parse()
	fmt.Println(answerOf(*method, flag.Arg(0)))
}

func answerOf(method, url string) string {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return "none: " + err.Error()
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return "none: " + err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, fetchLimit))
	if err != nil {
		return "none: " + err.Error()
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, bytes.TrimSpace(body))
}

// down takes a script's lab down; what a failed script started goes with it.
func down(t *testing.T, bin, lab string) {
	ctx, cancel := context.WithTimeout(context.Background(), downTimeout)
	defer cancel()
	if out, err := exec.CommandContext(ctx, filepath.Join(bin, "lab"), "--dir", lab, "down").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "lab down: %v\n%s", err, out)
		t.Fail()
	}
}
