package follow

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func TestReportsFit(t *testing.T) {
	for name, tc := range map[string]struct {
		event, message   int  // bytes in each of the objects
		events, messages bool // are kept
	}{
		"small":          {10, 10, true, true},
		"many events":    {100 << 10, 10, false, true},
		"large messages": {100 << 10, 100 << 10, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := &v1alpha1.Report{Objects: make([]v1alpha1.ObjectReport, 100)}
			for i := range r.Objects {
				r.Objects[i].Message = strings.Repeat("m", tc.message)
				r.Objects[i].Events = []v1alpha1.Event{{Message: strings.Repeat("e", tc.event)}}
			}
			body, err := fit(r)
			if err != nil || len(body) > reportTarget {
				t.Errorf("%d bytes, %v", len(body), err)
			}
			if o := r.Objects[99]; (len(o.Events) > 0) != tc.events || (o.Message != "") != tc.messages {
				t.Errorf("%d events, %d bytes of message", len(o.Events), len(o.Message))
			}
		})
	}
}

func TestEndpointsAreCutBeforeMessages(t *testing.T) {
	shared := make([]string, 1000)
	for i := range shared {
		shared[i] = fmt.Sprintf("10.0.%d.%d:8080", i/250, i%250)
	}
	r := &v1alpha1.Report{Objects: make([]v1alpha1.ObjectReport, 600)}
	ports := []v1alpha1.ServicePortReport{{Port: 80, Ready: 1000, Endpoints: shared}}
	for i := range r.Objects {
		r.Objects[i] = v1alpha1.ObjectReport{Message: "m", Ports: ports}
	}
	body, err := fit(r)
	if err != nil || len(body) > reportTarget {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	if o := r.Objects[599]; len(o.Ports[0].Endpoints) != 100 || o.Ports[0].Ready != 1000 || o.Message == "" || len(ports[0].Endpoints) != 1000 {
		t.Errorf("%d endpoints told of %d, message %q, %d shared", len(o.Ports[0].Endpoints), o.Ports[0].Ready, o.Message, len(ports[0].Endpoints))
	}
}
