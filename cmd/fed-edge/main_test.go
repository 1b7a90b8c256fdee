package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestBadCommandLinesAreRefused(t *testing.T) {
	good := []string{"--bucket=file:///nowhere", "--name=eu-1", "--region=europe-west1", "--address=192.0.2.1"}
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no bucket":            {good[1:], "set --bucket or KUBECTL_FED_BUCKET"},
		"no name":              {[]string{"--bucket=file:///x"}, "set --name"},
		"no address":           {good[:3], "set --address"},
		"no location":          {[]string{good[0], good[1], good[3]}, "set --region, or --coordinates"},
		"a name with a dot":    {append(good, "--name=eu.1"), `--name "eu.1"`},
		"an address with port": {append(good, "--address=192.0.2.1:80"), "neither an IP address nor a DNS name"},
		"an address in part":   {append(good, "--address=192.0.2"), "neither an IP address nor a DNS name"},
		"half a place":         {append(good, "--coordinates=50.4"), "want LATITUDE,LONGITUDE"},
		"a place of no globe":  {append(good, "--coordinates=91,0"), "want LATITUDE,LONGITUDE"},
		"a place that is none": {append(good, "--coordinates=NaN,0"), "want LATITUDE,LONGITUDE"},
		"nowhere to listen":    {append(good, "--http-listen=", "--https-listen="), "nothing to listen on"},
		"a listener by name":   {append(good, "--http-listen=web:80"), `--http-listen "web:80": want [IP]:PORT`},
		"a listener's port":    {append(good, "--https-listen=:0"), "want a port"},
		"no range":             {append(good, "--trusted-proxies=10.0.0.1"), `"10.0.0.1": want a range`},
		"half a certificate":   {append(good, "--default-key=/x"), "need each other"},
		"no state folder":      {append(good, "--state-dir=/nowhere"), `--state-dir "/nowhere": there is no such folder`},
		"an unknown scheme":    {append(good, "--bucket=s3://x"), `scheme "s3" is not supported`},
		"an unknown flag":      {[]string{"--x"}, "unknown flag: --x"},
		"an argument":          {append(good, "c"), `unexpected argument "c"`},
		"a poll too quick":     {append(good, "--poll-interval=1ms"), "want 10ms to 1h"},
		"a beat too quick":     {append(good, "--heartbeat-interval=10ms"), "want 1s to 1h"},
		"too loud":             {append(good, "-v=99"), "want 0 to 10"},
		"no default file":      {append(good, "--default-certificate=/nowhere", "--default-key=/nowhere"), "read the default certificate"},
		"no place for a log":   {append(good, "--access-log="+filepath.Join("/nowhere", "log")), "open the access log"},
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
	env := func(name string) string { return map[string]string{"KUBECTL_FED_BUCKET": "file:///from/env"}[name] }
	rest := []string{"--name=eu-1", "--coordinates=50.45,3.82", "--address=eu.example.com"}
	if o, err := parse(rest, env, &bytes.Buffer{}); err != nil || o.bucket != "file:///from/env" || o.place.Longitude != 3.82 {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err := parse(append(rest, "--bucket=file:///from/flag"), env, &bytes.Buffer{}); err != nil || o.bucket != "file:///from/flag" {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestVersion(t *testing.T) {
	var out bytes.Buffer
	if err := run(context.Background(), []string{"--version"}, func(string) string { return "" }, &out, &bytes.Buffer{}); err != nil || !strings.HasPrefix(out.String(), "v") {
		t.Errorf("%q, %v", out.String(), err)
	}
}
