package gcsemu

import (
	"encoding/json"
	"net/http"
	"time"
)

// orders are what scripts may ask of a running emulator: POST /_control with
// any of them, GET /_control/counts, DELETE /_control/counts.
type orders struct {
	Outage       *bool   `json:"outage"`
	StrictRate   *bool   `json:"strictRate"`
	ReadLatency  *string `json:"readLatency"`  // a Go duration; both or none
	WriteLatency *string `json:"writeLatency"` //
	Faults       []Fault `json:"faults"`
}

func (g *Guard) control(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/_control" && r.Method == http.MethodPost:
		g.obey(w, r)
	case r.URL.Path == "/_control/counts" && r.Method == http.MethodGet:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(g.Counts())
	case r.URL.Path == "/_control/counts" && r.Method == http.MethodDelete:
		g.ResetCounts()
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, "POST /_control, GET or DELETE /_control/counts", http.StatusNotFound)
	}
}

func (g *Guard) obey(w http.ResponseWriter, r *http.Request) {
	var o orders
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if (o.ReadLatency == nil) != (o.WriteLatency == nil) {
		http.Error(w, "give both readLatency and writeLatency", http.StatusBadRequest)
		return
	}
	if o.ReadLatency != nil {
		read, err := time.ParseDuration(*o.ReadLatency)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		write, err := time.ParseDuration(*o.WriteLatency)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		g.SetLatency(read, write)
	}
	if o.Outage != nil {
		g.SetOutage(*o.Outage)
	}
	if o.StrictRate != nil {
		g.SetStrictRate(*o.StrictRate)
	}
	g.Inject(o.Faults...)
	w.WriteHeader(http.StatusNoContent)
}
