package follow

import (
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
