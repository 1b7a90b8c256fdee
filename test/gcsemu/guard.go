package gcsemu

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// call is a request as far as the guard needs to understand it.
type call struct {
	op, bucket, name string
	query            url.Values
	body             []byte
}

const (
	apiPath    = "/storage/v1/b/"
	uploadPath = "/upload/storage/v1/b/"
)

func understand(r *http.Request) (call, error) {
	c := call{query: r.URL.Query()}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return c, fmt.Errorf("read the request: %w", err)
	}
	c.body = body
	path := r.URL.EscapedPath()
	if rest, ok := strings.CutPrefix(path, uploadPath); ok && r.Method == http.MethodPost {
		c.op = OpWrite
		c.bucket, _, _ = strings.Cut(rest, "/")
		c.name, err = uploadName(r, c)
		return c, err
	}
	rest, ok := strings.CutPrefix(path, apiPath)
	if !ok {
		return c, fmt.Errorf("%s %s is not emulated", r.Method, path)
	}
	bucket, rest, _ := strings.Cut(rest, "/")
	c.bucket = bucket
	object, isObject := strings.CutPrefix(rest, "o/")
	if c.name, err = url.PathUnescape(object); err != nil {
		return c, fmt.Errorf("object's name: %w", err)
	}
	c.op = operation(r.Method, rest, isObject, c.query)
	if c.op == "" {
		return c, fmt.Errorf("%s %s is not emulated", r.Method, path)
	}
	return c, nil
}

func operation(method, rest string, isObject bool, query url.Values) string {
	switch {
	case isObject && method == http.MethodGet && query.Get("alt") == "media":
		return OpRead
	case isObject && method == http.MethodGet:
		return OpStat
	case isObject && method == http.MethodDelete:
		return OpDelete
	case rest == "o" && method == http.MethodGet:
		return OpList
	case rest == "" && (method == http.MethodGet || method == http.MethodPatch):
		return OpBucket
	default:
		return ""
	}
}

// uploadName finds the object's name in the query or in the first part of the
// upload.
func uploadName(r *http.Request, c call) (string, error) {
	if name := c.query.Get("name"); name != "" {
		return name, nil
	}
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return "", fmt.Errorf("upload: %w", err)
	}
	part, err := multipart.NewReader(bytes.NewReader(c.body), params["boundary"]).NextPart()
	if err != nil {
		return "", fmt.Errorf("upload: %w", err)
	}
	var meta struct{ Name string }
	if err := json.NewDecoder(part).Decode(&meta); err != nil {
		return "", fmt.Errorf("upload: %w", err)
	}
	return meta.Name, nil
}

func (g *Guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_control") {
		g.control(w, r)
		return
	}
	c, err := understand(r)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	p := g.plan(c)
	if p.outage {
		hangUp(w)
		return
	}
	if p.fault.Status != 0 {
		fail(w, p.fault.Status, "injected")
		return
	}
	answer := g.answer(r, c, p.strictRate)
	if p.fault.LoseAnswer {
		hangUp(w)
		return
	}
	select {
	case <-time.After(p.latency):
	case <-r.Context().Done():
		return
	}
	answer.send(w)
}

// answer does one request. Nothing else happens to the storage meanwhile.
func (g *Guard) answer(r *http.Request, c call, strictRate bool) reply {
	g.storage.Lock()
	defer g.storage.Unlock()
	if _, ok := g.settings[c.bucket]; !ok {
		return refuse(http.StatusNotFound, "The specified bucket does not exist.")
	}
	switch c.op {
	case OpBucket:
		return g.bucket(r, c)
	case OpList:
		return g.list(c)
	}
	live := g.liveGeneration(c)
	if refused, ok := check(c, live); !ok {
		return refused
	}
	if c.op == OpWrite {
		if strictRate && time.Since(g.lastWrite[c.bucket+"/"+c.name]) < time.Second {
			return refuse(http.StatusTooManyRequests, "The object "+c.bucket+"/"+c.name+" exceeded the rate limit for object mutation operations (create, update, and delete).")
		}
		g.lastWrite[c.bucket+"/"+c.name] = time.Now()
		time.Sleep(2 * time.Microsecond) // the backend's generations are microseconds
	}
	return g.forward(r.Method, r.URL, r.Header, c)
}

// liveGeneration is 0 when there is no live object.
func (g *Guard) liveGeneration(c call) int64 {
	path := apiPath + c.bucket + "/o/" + url.PathEscape(c.name)
	got := g.ask(http.MethodGet, path)
	var obj struct {
		Generation int64 `json:"generation,string"`
	}
	if got.status != http.StatusOK || json.Unmarshal(got.body, &obj) != nil {
		return 0
	}
	return obj.Generation
}

// check applies what the backend ignores.
func check(c call, live int64) (reply, bool) {
	if c.query.Get("generation") == "" && live == 0 && (c.op == OpRead || c.op == OpStat || c.op == OpDelete) {
		return refuse(http.StatusNotFound, "No such object: "+c.bucket+"/"+c.name), false
	}
	if want := c.query.Get("ifGenerationMatch"); want != "" && want != strconv.FormatInt(live, 10) {
		return refuse(http.StatusPreconditionFailed, "At least one of the pre-conditions you specified did not hold."), false
	}
	if not := c.query.Get("ifGenerationNotMatch"); not != "" && not == strconv.FormatInt(live, 10) {
		if c.op == OpRead || c.op == OpStat {
			return reply{status: http.StatusNotModified}, false
		}
		return refuse(http.StatusPreconditionFailed, "At least one of the pre-conditions you specified did not hold."), false
	}
	return reply{}, true
}

// reply is an answer not yet sent.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (a reply) send(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

func refuse(status int, message string) reply {
	body, _ := json.Marshal(map[string]any{"error": map[string]any{
		"code": status, "message": message,
		"errors": []map[string]string{{"message": message, "domain": "global", "reason": reason(status)}},
	}})
	return reply{status: status, header: http.Header{"Content-Type": {"application/json; charset=UTF-8"}}, body: body}
}

func reason(status int) string {
	switch status {
	case http.StatusNotFound:
		return "notFound"
	case http.StatusPreconditionFailed:
		return "conditionNotMet"
	case http.StatusTooManyRequests:
		return "rateLimitExceeded"
	case http.StatusForbidden:
		return "forbidden"
	default:
		return "backendError"
	}
}

func fail(w http.ResponseWriter, status int, message string) { refuse(status, message).send(w) }

func (g *Guard) forward(method string, target *url.URL, header http.Header, c call) reply {
	req := httptest.NewRequest(method, target.RequestURI(), bytes.NewReader(c.body))
	req.Header = header.Clone()
	req.Header.Del("Accept-Encoding")
	rec := httptest.NewRecorder()
	g.backend.ServeHTTP(rec, req)
	return reply{status: rec.Code, header: rec.Header(), body: rec.Body.Bytes()}
}

// ask makes a request of the guard's own.
func (g *Guard) ask(method, target string) reply {
	rec := httptest.NewRecorder()
	g.backend.ServeHTTP(rec, httptest.NewRequest(method, target, nil))
	return reply{status: rec.Code, header: rec.Header(), body: rec.Body.Bytes()}
}
