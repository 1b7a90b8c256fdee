package gcsemu

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

const maxResults = 1000

// item is an object in a listing, with what orders it.
type item struct {
	name       string
	generation int64
	raw        json.RawMessage
}

func (a item) compare(b item) int {
	return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.generation, b.generation))
}

// list pages by itself: the backend's page token is a name, and a page full of
// versions of one object would follow itself for ever.
func (g *Guard) list(c call) reply {
	query := maps.Clone(c.query)
	query.Del("pageToken")
	query.Del("maxResults")
	query.Del("fields")
	all := g.ask(http.MethodGet, apiPath+c.bucket+"/o?"+query.Encode())
	if all.status != http.StatusOK {
		return all
	}
	var answer map[string]json.RawMessage
	var raws []json.RawMessage
	if json.Unmarshal(all.body, &answer) != nil || (answer["items"] != nil && json.Unmarshal(answer["items"], &raws) != nil) {
		return refuse(http.StatusInternalServerError, "the backend's listing is not JSON")
	}
	page, next, err := cut(raws, c.query)
	if err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	delete(answer, "items")
	delete(answer, "nextPageToken")
	if len(page) > 0 {
		answer["items"], _ = json.Marshal(page)
	}
	if next != "" {
		answer["nextPageToken"], _ = json.Marshal(next)
	}
	body, _ := json.Marshal(answer)
	return reply{status: http.StatusOK, header: http.Header{"Content-Type": {"application/json; charset=UTF-8"}}, body: body}
}

// cut takes the page that follows the token, which is the last item before it.
func cut(raws []json.RawMessage, query url.Values) (page []json.RawMessage, next string, err error) {
	items := make([]item, len(raws))
	for i, raw := range raws {
		var head struct {
			Name       string `json:"name"`
			Generation int64  `json:"generation,string"`
		}
		if err := json.Unmarshal(raw, &head); err != nil {
			return nil, "", err
		}
		items[i] = item{name: head.Name, generation: head.Generation, raw: raw}
	}
	slices.SortFunc(items, item.compare)
	size := maxResults
	if n, err := strconv.Atoi(query.Get("maxResults")); err == nil && n > 0 && n < size {
		size = n
	}
	if token := query.Get("pageToken"); token != "" {
		var after [2]string
		if err := json.Unmarshal([]byte(token), &after); err != nil {
			return nil, "", err
		}
		generation, _ := strconv.ParseInt(after[1], 10, 64)
		last := item{name: after[0], generation: generation}
		items = slices.DeleteFunc(items, func(i item) bool { return i.compare(last) <= 0 })
	}
	if len(items) > size {
		items = items[:size]
		token, _ := json.Marshal([2]string{items[size-1].name, strconv.FormatInt(items[size-1].generation, 10)})
		next = string(token)
	}
	for _, i := range items {
		page = append(page, i.raw)
	}
	return page, next, nil
}

// bucket answers for a bucket's settings. The backend keeps versioning only,
// and takes a change that does not name it for turning it off.
func (g *Guard) bucket(r *http.Request, c call) reply {
	if r.Method == http.MethodPatch {
		var change map[string]any
		if err := json.Unmarshal(c.body, &change); err != nil {
			return refuse(http.StatusBadRequest, err.Error())
		}
		if _, ok := change["versioning"]; ok {
			if got := g.forward(r.Method, r.URL, r.Header, c); got.status != http.StatusOK {
				return got
			}
			delete(change, "versioning")
		}
		maps.Copy(g.settings[c.bucket], change)
	}
	got := g.ask(http.MethodGet, apiPath+c.bucket)
	var answer map[string]any
	if got.status != http.StatusOK || json.Unmarshal(got.body, &answer) != nil {
		return got
	}
	maps.Copy(answer, g.settings[c.bucket])
	got.body, _ = json.Marshal(answer)
	got.header.Del("Content-Length")
	return got
}
