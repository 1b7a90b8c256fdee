package plugin

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

var web = key("default/deployments.apps/web")

func deployment(image string, replicas int) string {
	return fmt.Sprintf(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, labels: {app: web}}, spec: {replicas: %d,
selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: "%s"}]}}}}`, replicas, image)
}

// deployed has the versions 101 to 103: an image, another, and the other scaled.
func deployed(t *testing.T) *memory.Hub {
	t.Helper()
	hub := memory.New()
	hub.Put(web, deployment("one", 3))
	hub.Put(web, deployment("two", 3))
	got := command(t, hub, "", "scale", "deployment/web", "--replicas=7", "--reason", "more guests")
	if got.code != 0 || hub.Specs[web].Generation != 103 {
		t.Fatalf("%+v", got)
	}
	return hub
}

// said is what the leader makes known of the newest version.
func said(hub *memory.Hub, r *v1alpha1.RolloutStatus, conditions ...metav1.Condition) {
	hub.ObjectStates[web] = v1alpha1.ObjectStatus{Key: web, SpecGeneration: hub.Specs[web].Generation, Rollout: r, Conditions: conditions,
		Clusters: []v1alpha1.ObjectClusterStatus{{Cluster: "a"}, {Cluster: "b"}, {Cluster: "c"}, {Cluster: "d"}}}
}

func TestRolloutHistory(t *testing.T) {
	hub := deployed(t)
	got := command(t, hub, "", "rollout", "history", "deployment/web")
	lines := strings.Split(got.out, "\n")
	if got.code != 0 || len(lines) < 5 || lines[0] != "deployments.apps/web" || !strings.HasPrefix(lines[1], "REVISION") ||
		!strings.HasPrefix(lines[2], "101       2026-11-21T10:00:00Z  <none>") || !strings.HasPrefix(lines[4], "103") || !strings.HasSuffix(lines[4], "more guests") {
		t.Errorf("%+v", got)
	}
	got = command(t, hub, "", "rollout", "history", "deploy", "web", "--revision=101")
	if got.code != 0 || !strings.Contains(got.out, "image: one") {
		t.Errorf("%+v", got)
	}
	got = command(t, hub, "", "rollout", "history", "deploy", "web", "--revision=101", "-o", "jsonpath={.spec.replicas}")
	if got.code != 0 || got.out != "3" {
		t.Errorf("%+v", got)
	}
	for _, c := range []struct{ revision, says string }{{"7", "unable to find revision 7 of deployments.apps/web"}, {"-1", "positive"}} {
		if got := command(t, hub, "", "rollout", "history", "deploy/web", "--revision="+c.revision); got.code != 1 || !strings.Contains(got.err, c.says) {
			t.Errorf("%+v", got)
		}
	}
}

func TestRolloutUndo(t *testing.T) {
	hub := deployed(t)
	got := command(t, hub, "", "rollout", "undo", "deployment/web")
	rec := hub.Specs[web]
	if got.code != 0 || got.out != "deployment.apps/web rolled back\n" || got.err != "" {
		t.Fatalf("%+v", got)
	}
	if body := string(rec.Body); rec.Generation != 104 || !strings.Contains(body, "image: one") || !strings.Contains(body, "replicas: 7") ||
		rec.Provenance.Reason != "rollout undo to revision 101" {
		t.Errorf("%+v\n%s", rec.Provenance, rec.Body)
	}
	if len(hub.Rings) == 0 || hub.Rings[len(hub.Rings)-1]["specs/default/deployments.apps/web.yaml"] != 104 {
		t.Errorf("rings %v", hub.Rings)
	}
	got = command(t, hub, "", "rollout", "undo", "deployment/web") // and back
	if got.code != 0 || !strings.Contains(hub.Body(web), "image: two") {
		t.Errorf("%+v\n%s", got, hub.Body(web))
	}
	got = command(t, hub, "", "rollout", "undo", "deployment/web", "--to-revision=101", "--reason", "it was better")
	if got.code != 0 || !strings.Contains(hub.Body(web), "image: one") || hub.Specs[web].Provenance.Reason != "it was better" {
		t.Errorf("%+v\n%s", got, hub.Body(web))
	}
	before := hub.Specs[web].Generation
	got = command(t, hub, "", "rollout", "undo", "deployment/web", "--to-revision=101")
	if got.code != 0 || got.out != "deployment.apps/web skipped rollback (it already matches revision 101)\n" || hub.Specs[web].Generation != before {
		t.Errorf("%+v", got)
	}
	for _, dry := range []string{"client", "server"} {
		got = command(t, hub, "", "rollout", "undo", "deployment/web", "--to-revision=102", "--dry-run="+dry)
		if got.code != 0 || !strings.Contains(got.out, "dry run)") || hub.Specs[web].Generation != before {
			t.Errorf("%+v", got)
		}
	}
}

// A rollout under way, or one that failed, goes back to what was last complete,
// not to another attempt.
func TestRolloutUndoOfAFailedRollout(t *testing.T) {
	hub := deployed(t)
	hub.Put(web, deployment("three", 7))
	said(hub, &v1alpha1.RolloutStatus{Base: 101, Phase: v1alpha1.RolloutUndone})
	if got := command(t, hub, "", "rollout", "undo", "deployment/web"); got.code != 0 || !strings.Contains(hub.Body(web), "image: one") {
		t.Errorf("%+v\n%s", got, hub.Body(web))
	}
	said(hub, &v1alpha1.RolloutStatus{Base: 55, Phase: v1alpha1.RolloutStopped})
	if got := command(t, hub, "", "rollout", "undo", "deployment/web"); got.code != 1 || !strings.Contains(got.err, "unable to find revision 55") {
		t.Errorf("%+v", got)
	}
}

func TestRolloutUndoEndsAPause(t *testing.T) {
	hub := deployed(t)
	if got := command(t, hub, "", "rollout", "pause", "deployment/web"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	got := command(t, hub, "", "rollout", "undo", "deployment/web", "--to-revision=102")
	if got.code != 0 || strings.Contains(hub.Body(web), v1alpha1.AnnotationRolloutPaused) || !strings.Contains(hub.Body(web), "image: two") {
		t.Errorf("%+v\n%s", got, hub.Body(web))
	}
}

func TestRolloutUndoConflicts(t *testing.T) {
	hub := deployed(t)
	hub.NextUpdate = apierrors.NewConflict(web.GroupResource(), "web", errors.New("modified"))
	if got := command(t, hub, "", "rollout", "undo", "deployment/web"); got.code != 0 || !strings.Contains(hub.Body(web), "image: one") {
		t.Errorf("%+v\n%s", got, hub.Body(web))
	}
}

func TestRolloutUndoWithNothingToGoBackTo(t *testing.T) {
	hub := memory.New()
	hub.Put(web, deployment("one", 3))
	if got := command(t, hub, "", "rollout", "undo", "deployment/web"); got.code != 1 || !strings.Contains(got.err, "no rollout history found") {
		t.Errorf("%+v", got)
	}
	hub = memory.New()
	hub.Put(web, deployment("zero", 1))
	hub.Put(web, strings.Replace(deployment("zero", 1), "{name: web,", `{name: web, deletionTimestamp: "2026-11-21T10:00:00Z",`, 1))
	hub.Put(web, deployment("one", 3))
	if got := command(t, hub, "", "rollout", "undo", "deployment/web"); got.code != 1 || !strings.Contains(got.err, "no rollout history found") {
		t.Errorf("behind a delete: %+v", got)
	}
}

func TestRolloutPauseAndResume(t *testing.T) {
	hub := deployed(t)
	said(hub, nil)
	got := command(t, hub, "", "rollout", "pause", "deployment/web")
	if got.code != 0 || got.out != "deployment.apps/web paused\n" || !strings.Contains(got.err, "Warning: no Placement takes deployments.apps/web") ||
		!strings.Contains(hub.Body(web), v1alpha1.AnnotationRolloutPaused+`: "true"`) {
		t.Errorf("%+v\n%s", got, hub.Body(web))
	}
	if got := command(t, hub, "", "rollout", "pause", "deployment/web"); got.code != 1 || !strings.Contains(got.err, "already paused") {
		t.Errorf("%+v", got)
	}
	hub.NextUpdate = apierrors.NewConflict(web.GroupResource(), "web", errors.New("modified"))
	got = command(t, hub, "", "rollout", "resume", "deployment/web")
	if got.code != 0 || got.out != "deployment.apps/web resumed\n" || strings.Contains(hub.Body(web), v1alpha1.AnnotationRolloutPaused) {
		t.Errorf("%+v\n%s", got, hub.Body(web))
	}
	if got := command(t, hub, "", "rollout", "resume", "deployment/web"); got.code != 1 || !strings.Contains(got.err, "not paused") {
		t.Errorf("%+v", got)
	}
}

func TestRolloutApprove(t *testing.T) {
	wave := int64(1)
	waiting := &v1alpha1.RolloutStatus{Hash: "abc", Phase: v1alpha1.RolloutWaiting, Waves: 3, Awaiting: &wave, Message: "wave 2 waits"}
	tests := []struct {
		name   string
		status *v1alpha1.RolloutStatus
		args   []string
		want   string // the annotation
		says   string // else
	}{
		{"the one that waits", waiting, nil, "1@abc", ""},
		{"ahead", waiting, []string{"--wave=3"}, "2@abc", ""},
		{"too far", waiting, []string{"--wave=4"}, "", "has 3 waves"},
		{"no wave", waiting, []string{"--wave=-1"}, "", "counted from 1"},
		{"none waits", &v1alpha1.RolloutStatus{Hash: "abc", Phase: v1alpha1.RolloutProgressing, Waves: 3, Message: "wave 1 of 3"}, nil, "", "(wave 1 of 3)"},
		{"complete", &v1alpha1.RolloutStatus{Phase: v1alpha1.RolloutComplete}, nil, "", "is complete"},
		{"stopped", &v1alpha1.RolloutStatus{Phase: v1alpha1.RolloutStopped, Message: "1 cluster failed"}, nil, "", "1 cluster failed"},
		{"no policy", nil, nil, "", "no Placement"},
	}
	for _, tt := range tests {
		hub := deployed(t)
		said(hub, tt.status)
		got := command(t, hub, "", append([]string{"rollout", "approve", "deployment/web"}, tt.args...)...)
		if tt.want == "" {
			if got.code != 1 || !strings.Contains(got.err, tt.says) || hub.Specs[web].Generation != 103 {
				t.Errorf("%s: %+v", tt.name, got)
			}
			continue
		}
		if got.code != 0 || !strings.HasPrefix(got.out, "deployment.apps/web approved up to wave ") || !strings.Contains(hub.Body(web), v1alpha1.AnnotationRolloutApproved+": "+tt.want) {
			t.Errorf("%s: %+v\n%s", tt.name, got, hub.Body(web))
		}
	}
	hub := deployed(t)
	said(hub, waiting)
	hub.Put(web, deployment("three", 1)) // the leader does not know of it: nothing is approved
	if got := command(t, hub, "", "rollout", "approve", "deployment/web", "--timeout=1ms"); got.code != 1 || !strings.Contains(got.err, "has not followed its last change") {
		t.Errorf("%+v", got)
	}
}

func condition(kind string, status metav1.ConditionStatus, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: "Because", Message: message}
}

func TestRolloutStatus(t *testing.T) {
	tests := []struct {
		name       string
		status     *v1alpha1.RolloutStatus
		conditions []metav1.Condition
		code       int
		out, err   string
	}{
		{"complete", &v1alpha1.RolloutStatus{Phase: v1alpha1.RolloutComplete, Message: "complete"}, nil, 0, "deployment \"web\" successfully rolled out\n", ""},
		{"complete but for one", &v1alpha1.RolloutStatus{Phase: v1alpha1.RolloutComplete, Message: "complete; silent: d"}, nil, 0,
			"deployment \"web\" successfully rolled out: complete; silent: d\n", ""},
		{"under way", &v1alpha1.RolloutStatus{Phase: v1alpha1.RolloutProgressing, Message: "wave 1 of 3", Updated: []string{"a"}, Failed: []string{"a"}, Skipped: []string{"d"}}, nil, 0,
			"Waiting for deployment \"web\" rollout to finish: wave 1 of 3\n  updated: a\n  failed:  a\n  skipped: d\n  to come: b, c\n", ""},
		{"stopped", &v1alpha1.RolloutStatus{Phase: v1alpha1.RolloutStopped, Message: "1 cluster failed"}, nil, 1, "",
			"error: the rollout of deployments.apps/web has stopped: 1 cluster failed. What has the new version keeps it: submit a corrected manifest, or go back with kubectl fed rollout undo deployments.apps/web\n"},
		{"undone", &v1alpha1.RolloutStatus{Phase: v1alpha1.RolloutUndone, Message: "1 cluster failed", Base: 101}, nil, 1, "",
			"error: the rollout of deployments.apps/web failed and was undone: 1 cluster failed. The clusters go back to version 101, the spec still holds the new one: " +
				"submit a corrected manifest, or go back with kubectl fed rollout undo deployments.apps/web\n"},
		{"no policy, available", nil, []metav1.Condition{condition("Available", "True", "")}, 0, "deployment \"web\" successfully rolled out\n", ""},
		{"no policy, not yet", nil, []metav1.Condition{condition("Available", "False", "not yet current in b")}, 0,
			"Waiting for deployment \"web\" rollout to finish: not yet current in b\n", ""},
		{"held", &v1alpha1.RolloutStatus{Phase: v1alpha1.RolloutComplete}, []metav1.Condition{condition("Held", "True", "it does not fit")}, 0,
			"Waiting for deployment \"web\" rollout to finish: it is held: Because: it does not fit\n", ""},
	}
	for _, tt := range tests {
		hub := deployed(t)
		said(hub, tt.status, tt.conditions...)
		got := command(t, hub, "", "rollout", "status", "deployment/web", "--watch=false")
		if got != (ran{tt.out, tt.err, tt.code}) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

func TestRolloutStatusWaits(t *testing.T) {
	hub := deployed(t)
	got := command(t, hub, "", "rollout", "status", "deployment/web", "--timeout=1ms")
	if got.code != 1 || !strings.Contains(got.err, "timed out waiting for deployments.apps/web") {
		t.Errorf("%+v", got)
	}
	got = command(t, hub, "", "rollout", "status", "deployment/web", "--revision=101")
	if got.code != 1 || !strings.Contains(got.err, "desired revision (101) is different from the running revision (103)") {
		t.Errorf("%+v", got)
	}
	got = command(t, hub, "", "rollout", "status", "deployment/none")
	if got.code != 1 || !strings.Contains(got.err, `deployments.apps "none" not found`) {
		t.Errorf("%+v", got)
	}
	if got = command(t, hub, "", "rollout", "status"); got.code != 1 || !strings.Contains(got.err, "required resource not specified") {
		t.Errorf("%+v", got)
	}
	hub.Members["c1"] = v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "c1"}}
	if got = command(t, hub, "", "rollout", "undo", "cluster/c1"); got.code != 1 || !strings.Contains(got.err, "not placed in clusters") {
		t.Errorf("%+v", got)
	}
}

func TestRolloutRestart(t *testing.T) {
	hub := deployed(t)
	got := command(t, hub, "", "rollout", "restart", "deployment/web")
	if got.code != 0 || got.out != "deployment.apps/web restarted\n" || !strings.Contains(hub.Body(web), "kubectl.kubernetes.io/restartedAt") {
		t.Errorf("%+v\n%s", got, hub.Body(web))
	}
}
