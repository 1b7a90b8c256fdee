package gcsemu_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/test/gcsemu"
)

const bucket = "b"

type client struct {
	t *testing.T
	*gcsemu.Server
}

func start(t *testing.T, opts gcsemu.Options) client {
	t.Helper()
	opts.Buckets = []string{bucket}
	server, err := gcsemu.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return client{t, server}
}

// do sends a request and decodes the answer, if it is JSON.
func (c client) do(method, path, body string) (status int, answer map[string]any) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.URL+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	_ = json.Unmarshal(data, &answer)
	return resp.StatusCode, answer
}

func object(name, query string) string {
	return "/storage/v1/b/" + bucket + "/o/" + url.PathEscape(name) + "?" + query
}

func (c client) upload(name, condition string) (status int, generation string) {
	c.t.Helper()
	status, answer := c.do(http.MethodPost, "/upload/storage/v1/b/"+bucket+"/o?uploadType=media&name="+url.QueryEscape(name)+"&"+condition, "content")
	generation, _ = answer["generation"].(string)
	return status, generation
}

func (c client) want(what string, got, want int) {
	c.t.Helper()
	if got != want {
		c.t.Errorf("%s: HTTP %d, want %d", what, got, want)
	}
}

func TestPreconditions(t *testing.T) {
	c := start(t, gcsemu.Options{})
	_, first := c.upload("x/y", "ifGenerationMatch=0")
	status, _ := c.upload("x/y", "ifGenerationMatch=0")
	c.want("create again", status, http.StatusPreconditionFailed)
	status, second := c.upload("x/y", "ifGenerationMatch="+first)
	c.want("replace", status, http.StatusOK)
	status, _ = c.upload("x/y", "ifGenerationMatch="+first)
	c.want("stale replace", status, http.StatusPreconditionFailed)
	for query, want := range map[string]int{
		"alt=media": http.StatusOK,
		"alt=media&ifGenerationNotMatch=" + second: http.StatusNotModified,
		"alt=media&ifGenerationNotMatch=" + first:  http.StatusOK,
		"alt=media&ifGenerationMatch=" + first:     http.StatusPreconditionFailed,
		"alt=media&generation=" + first:            http.StatusOK,
		"ifGenerationNotMatch=" + second:           http.StatusNotModified,
		"alt=media&generation=1":                   http.StatusNotFound,
	} {
		status, _ := c.do(http.MethodGet, object("x/y", query), "")
		c.want("read with "+query, status, want)
	}
	status, _ = c.do(http.MethodDelete, object("x/y", "ifGenerationMatch="+first), "")
	c.want("stale delete", status, http.StatusPreconditionFailed)
	status, _ = c.do(http.MethodGet, object("x/y", "alt=media"), "")
	c.want("read after the stale delete", status, http.StatusOK)
	status, _ = c.do(http.MethodDelete, object("x/y", "ifGenerationMatch="+second), "")
	c.want("delete", status, http.StatusOK)
	status, answer := c.do(http.MethodGet, object("x/y", "alt=media&ifGenerationNotMatch="+second), "")
	c.want("read after the delete", status, http.StatusNotFound)
	if text := fmt.Sprint(answer); strings.Contains(text, "bucket does not exist") {
		t.Errorf("a missing object is told as %s", text)
	}
	status, answer = c.do(http.MethodGet, "/storage/v1/b/other/o/x?alt=media", "")
	c.want("read in no bucket", status, http.StatusNotFound)
	if text := fmt.Sprint(answer); !strings.Contains(text, "bucket does not exist") {
		t.Errorf("a missing bucket is told as %s", text)
	}
}

func TestOneWritePerSecond(t *testing.T) {
	c := start(t, gcsemu.Options{StrictRate: true})
	status, _ := c.upload("x", "")
	c.want("first", status, http.StatusOK)
	status, _ = c.upload("x", "")
	c.want("second", status, http.StatusTooManyRequests)
	status, _ = c.upload("y", "")
	c.want("of another name", status, http.StatusOK)
	c.SetStrictRate(false)
	status, _ = c.upload("x", "")
	c.want("unlimited", status, http.StatusOK)
}

func TestPagesThroughVersionsOfOneName(t *testing.T) {
	c := start(t, gcsemu.Options{})
	written := map[string]bool{}
	for range 7 {
		_, g := c.upload("x", "")
		written[g] = true
	}
	if len(written) != 7 {
		t.Fatalf("generations %v", written)
	}
	for token, pages := "", 0; ; pages++ {
		if pages > 4 {
			t.Fatal("the pages do not end")
		}
		_, answer := c.do(http.MethodGet, "/storage/v1/b/b/o?versions=true&maxResults=3&pageToken="+url.QueryEscape(token), "")
		items, _ := answer["items"].([]any)
		for _, item := range items {
			delete(written, fmt.Sprint(item.(map[string]any)["generation"]))
		}
		if token, _ = answer["nextPageToken"].(string); token == "" {
			break
		}
	}
	if len(written) != 0 {
		t.Errorf("not listed: %v", written)
	}
}

func TestFaultsAreUsedUp(t *testing.T) {
	c := start(t, gcsemu.Options{})
	c.Inject(gcsemu.Fault{Op: gcsemu.OpWrite, Name: "x", Times: 1, Status: 503}, gcsemu.Fault{Op: gcsemu.OpWrite, Name: "x", Times: 1, LoseAnswer: true})
	status, _ := c.upload("y", "")
	c.want("of another name", status, http.StatusOK)
	status, _ = c.upload("x", "")
	c.want("first fault", status, http.StatusServiceUnavailable)
	status, _ = c.do(http.MethodGet, object("x", ""), "")
	c.want("nothing was done", status, http.StatusNotFound)
	status, _ = c.upload("x", "")
	c.want("second fault: no answer", status, 0)
	status, _ = c.do(http.MethodGet, object("x", ""), "")
	c.want("yet it was done", status, http.StatusOK)
	status, _ = c.upload("x", "")
	c.want("no fault left", status, http.StatusOK)
}

func TestControl(t *testing.T) {
	c := start(t, gcsemu.Options{})
	order := func(body string, want int) {
		t.Helper()
		status, _ := c.do(http.MethodPost, "/_control", body)
		c.want(body, status, want)
	}
	order(`{"outage":true}`, http.StatusNoContent)
	status, _ := c.do(http.MethodGet, "/storage/v1/b/b/o", "")
	c.want("list in the outage", status, 0)
	order(`{"outage":false}`, http.StatusNoContent)
	status, _ = c.do(http.MethodGet, "/storage/v1/b/b/o", "")
	c.want("list after it", status, http.StatusOK)
	_, counts := c.do(http.MethodGet, "/_control/counts", "")
	if counts[gcsemu.OpList] == nil {
		t.Errorf("counted %v", counts)
	}
	order(`{"faults":[{"Op":"list","Times":1,"Status":403}]}`, http.StatusNoContent)
	status, _ = c.do(http.MethodGet, "/storage/v1/b/b/o", "")
	c.want("list with a fault", status, http.StatusForbidden)
	order(`{"outrage":true}`, http.StatusBadRequest)
	order(`{"readLatency":"1ms"}`, http.StatusBadRequest)
	order(`{"readLatency":"30ms","writeLatency":"30ms"}`, http.StatusNoContent)
	before := time.Now()
	c.upload("x", "")
	if took := time.Since(before); took < 30*time.Millisecond {
		t.Errorf("a write with 30 ms of latency took %s", took)
	}
}

func TestWhatIsNotEmulatedIsRefused(t *testing.T) {
	c := start(t, gcsemu.Options{})
	for _, path := range []string{"/storage/v1/b/b/acl", "/b/x", "/batch/storage/v1"} {
		status, _ := c.do(http.MethodPost, path, "")
		c.want(path, status, http.StatusBadRequest)
	}
}
