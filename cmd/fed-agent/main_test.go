package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestBadCommandLinesAreRefused(t *testing.T) {
	kubeconfig := filepath.Join(t.TempDir(), "config")
	content := `{apiVersion: v1, kind: Config, clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}], contexts: [{name: c, context: {cluster: c}}], current-context: c}`
	if err := os.WriteFile(kubeconfig, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	good := []string{"--bucket=file:///nowhere", "--cluster=c", "--kubeconfig=" + kubeconfig}
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no bucket":              {[]string{"--cluster=c"}, "set --bucket or KUBECTL_FED_BUCKET"},
		"no cluster":             {[]string{"--bucket=file:///x"}, "set --cluster"},
		"no way to the member":   {[]string{"--bucket=file:///x", "--cluster=c"}, "give --kubeconfig"},
		"a context of no file":   {[]string{"--bucket=file:///x", "--cluster=c", "--context=x"}, "--context needs --kubeconfig"},
		"a kubeconfig not there": {[]string{"--bucket=file:///x", "--cluster=c", "--kubeconfig=/nowhere"}, "read kubeconfig /nowhere"},
		"an unknown context":     {append(good, "--context=x"), `context "x" does not exist`},
		"an unknown scheme":      {append(good, "--bucket=s3://x"), `scheme "s3" is not supported`},
		"an unknown flag":        {[]string{"--x"}, "unknown flag: --x"},
		"an argument":            {append(good, "c"), `unexpected argument "c"`},
		"no duration":            {append(good, "--poll-interval=often"), "--poll-interval"},
		"a poll too quick":       {append(good, "--poll-interval=1ms"), "between 10ms and 1h"},
		"a beat too quick":       {append(good, "--heartbeat-interval=10ms"), "between 1s and 1h"},
		"no namespace":           {append(good, "--namespace="), "--leader-election=false"},
		"no range":               {append(good, "--probe-ranges=10.0.0.1"), `--probe-ranges: "10.0.0.1" is no range of addresses`},
		"too loud":               {append(good, "-v=99"), "want 0 to 10"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			var out, errs bytes.Buffer
			err := run(ctx, tc.args, func(string) string { return "" }, &out, &errs)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if out.Len() > 0 {
				t.Errorf("printed %q", out.String())
			}
		})
	}
}

func TestBucketMayComeFromTheEnvironment(t *testing.T) {
	env := func(name string) string {
		if name == "KUBECTL_FED_BUCKET" {
			return "file:///from/env"
		}
		return ""
	}
	o, err := parse([]string{"--cluster=c"}, env, &bytes.Buffer{})
	if err != nil || o.bucket != "file:///from/env" {
		t.Errorf("bucket %q, %v", o.bucket, err)
	}
	o, err = parse([]string{"--cluster=c", "--bucket=file:///from/flag"}, env, &bytes.Buffer{})
	if err != nil || o.bucket != "file:///from/flag" {
		t.Errorf("bucket %q, %v", o.bucket, err)
	}
}

func TestVersion(t *testing.T) {
	var out bytes.Buffer
	if err := run(context.Background(), []string{"--version"}, func(string) string { return "" }, &out, &bytes.Buffer{}); err != nil || !strings.HasPrefix(out.String(), "v") {
		t.Errorf("%q, %v", out.String(), err)
	}
}
