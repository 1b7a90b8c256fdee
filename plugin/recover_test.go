package plugin

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

func troubled(kind, reason, message string) []metav1.Condition {
	return []metav1.Condition{{Type: kind, Status: metav1.ConditionTrue, Reason: reason, Message: message}}
}

// ailing is a federation in which everything waits for a word.
func ailing() *memory.Hub {
	hub := memory.New()
	for name, c := range map[string]v1alpha1.Cluster{
		"old":     {Spec: v1alpha1.ClusterSpec{MemberUID: "m-old", LeaderEligible: true}},
		"new":     {},
		"rebuilt": {Spec: v1alpha1.ClusterSpec{MemberUID: "m-before"}},
		"back":    {}, "well": {},
	} {
		c.Name, c.ResourceVersion = name, "5"
		c.UID = "uid-" + c.UID
		hub.Members[name] = c
		hub.Seen[name] = v1alpha1.ClusterStatus{Cluster: name, UID: c.UID, MemberUID: c.Spec.MemberUID}
	}
	see := func(name string, change func(*v1alpha1.ClusterStatus)) {
		st := hub.Seen[name]
		change(&st)
		hub.Seen[name] = st
	}
	see("new", func(st *v1alpha1.ClusterStatus) {
		st.Claim = &v1alpha1.ClusterClaim{MemberUID: "m-old", BoundTo: "old"}
		st.Conditions = troubled(v1alpha1.ConditionNameConflict, v1alpha1.ReasonMemberBoundElsewhere, "as old")
	})
	see("rebuilt", func(st *v1alpha1.ClusterStatus) {
		st.Claim = &v1alpha1.ClusterClaim{MemberUID: "m-after"}
		st.Conditions = troubled(v1alpha1.ConditionNameConflict, "AnotherMemberReports", "two of them")
	})
	see("back", func(st *v1alpha1.ClusterStatus) {
		st.Conditions = append(troubled(v1alpha1.ConditionMemberRestored, v1alpha1.ReasonMemberRestored, "from a backup"),
			troubled(v1alpha1.ConditionLeftovers, v1alpha1.ReasonLeftovers, "two of them")...)
	})
	hub.State = &v1alpha1.FederationStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ConditionPlanning, Status: metav1.ConditionFalse,
		Reason: v1alpha1.HaltRestored, Message: "the bucket was restored; nothing is planned until"}}}
	return hub
}

func TestRecoverShowsWhatWaitsAndTheWayOut(t *testing.T) {
	got := command(t, ailing(), "", "recover")
	want := `federation/fed: the bucket was restored
  kubectl fed recover --accept-restore
cluster/back: MemberRestored: from a backup
  kubectl fed recover cluster back --accept-member
cluster/back: MarkedButNotPlanned: two of them
cluster/new: MemberBoundElsewhere: as old
  kubectl fed recover cluster new --rebind
cluster/rebuilt: AnotherMemberReports: two of them
  kubectl fed recover cluster rebuilt --rebind
`
	if got.code != 0 || got.out != want {
		t.Errorf("%d %s\ngot\n%s\nwant\n%s", got.code, got.err, got.out, want)
	}
	if got := command(t, ailing(), "", "recover", "cluster/well"); got.code != 0 || got.out != "" || !strings.Contains(got.err, "Nothing waits") {
		t.Errorf("%+v", got)
	}
	if got := command(t, memory.New(), "", "recover"); got.code != 0 || got.out != "" || !strings.Contains(got.err, "Nothing waits") {
		t.Errorf("%+v", got)
	}
}

func TestRecoverSaysAWord(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want v1alpha1.Request
		out  string
	}{
		"restore": {[]string{"--accept-restore"}, v1alpha1.Request{Type: v1alpha1.RequestAcceptRestore}, "federation/fed: restore accepted\n"},
		"member":  {[]string{"cluster", "back", "--accept-member"}, v1alpha1.Request{Type: v1alpha1.RequestAcceptMember, Cluster: "back"}, "cluster/back: restored member accepted\n"},
		"rebuilt": {[]string{"cluster", "rebuilt", "--rebind"}, v1alpha1.Request{Type: v1alpha1.RequestRebind, Cluster: "rebuilt", MemberUID: "m-after"},
			"cluster/rebuilt bound to member m-after\n"},
		"rebuilt, named": {[]string{"cluster", "well", "--rebind", "--member-uid=m9"}, v1alpha1.Request{Type: v1alpha1.RequestRebind, Cluster: "well", MemberUID: "m9"},
			"cluster/well bound to member m9\n"},
		"renamed": {[]string{"cluster/new", "--rebind"}, v1alpha1.Request{Type: v1alpha1.RequestRebind, Cluster: "new", MemberUID: "m-old"},
			"cluster/old cordoned (lost)\ncluster/new bound to member m-old\n"},
	} {
		t.Run(name, func(t *testing.T) {
			hub := ailing()
			if got := command(t, hub, "", append([]string{"recover"}, tt.args...)...); got.code != 1 || !strings.Contains(got.err, "--yes") || len(hub.Said) > 0 {
				t.Errorf("without a yes: %+v, said %v", got, hub.Said)
			}
			got := command(t, hub, "", append([]string{"recover", "--yes", "--reason", "because"}, tt.args...)...)
			if got.code != 0 || got.out != tt.out || len(hub.Said) != 1 || len(hub.Rings) != 1 {
				t.Fatalf("%+v, said %v, rung %v", got, hub.Said, hub.Rings)
			}
			r := hub.Said[0]
			if r.Type != tt.want.Type || r.Cluster != tt.want.Cluster || r.MemberUID != tt.want.MemberUID || r.Reason != "because" || r.Author == "" || r.ID == "" {
				t.Errorf("said %+v", r)
			}
			if m := hub.Members[r.Cluster]; r.MemberUID != "" && m.Spec.MemberUID != r.MemberUID {
				t.Errorf("the roster says %+v", m.Spec)
			}
			if name == "renamed" {
				old, renamed := hub.Members["old"].Spec, hub.Members["new"].Spec
				if old.MemberUID != "" || !old.Cordoned || !old.Lost || old.LeaderEligible || !renamed.LeaderEligible {
					t.Errorf("old %+v, new %+v", old, renamed)
				}
			}
		})
	}
}

func TestRecoverRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"a word about nothing":        {[]string{"cluster", "well", "--accept-member", "--yes"}, "nothing to accept"},
		"nobody who asks":             {[]string{"cluster", "well", "--rebind", "--yes"}, "--member-uid"},
		"nobody":                      {[]string{"cluster", "nobody", "--rebind", "--yes"}, "not found"},
		"another kind":                {[]string{"node", "x"}, "want cluster NAME"},
		"too little":                  {[]string{"cluster"}, "want nothing, or cluster NAME"},
		"no name":                     {[]string{"--rebind"}, "name the cluster"},
		"no cluster's name":           {[]string{"cluster", "../x"}, "cluster name"},
		"two words":                   {[]string{"cluster", "back", "--rebind", "--accept-member"}, "exclude"},
		"a restore of one":            {[]string{"cluster", "back", "--accept-restore"}, "takes no cluster"},
		"a member for nothing":        {[]string{"cluster", "back", "--member-uid=m"}, "goes with --rebind"},
		"what is no UID":              {[]string{"cluster", "back", "--rebind", "--member-uid=a b"}, "is no UID"},
		"a name that is bound to it ": {[]string{"cluster", "old", "--rebind", "--member-uid=m-old"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			hub := ailing()
			got := command(t, hub, "", append([]string{"recover"}, tt.args...)...)
			if tt.says == "" {
				if got.code != 0 || !strings.Contains(got.out, "already") {
					t.Errorf("%+v", got)
				}
			} else if got.code != 1 || !strings.Contains(got.err, tt.says) {
				t.Errorf("%+v", got)
			}
			if len(hub.Said) > 0 {
				t.Errorf("said %v", hub.Said)
			}
		})
	}
	well := memory.New()
	if got := command(t, well, "", "recover", "--accept-restore", "--yes"); got.code != 1 || len(well.Said) > 0 {
		t.Errorf("%+v", got)
	}
}

func TestJoinKnowsMembersThatBoundByTheirHeartbeat(t *testing.T) {
	hub := memory.New()
	hub.Members["old"] = v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "old", UID: "u"}}
	hub.Seen["old"] = v1alpha1.ClusterStatus{UID: "u", MemberUID: "m1"}
	_, err := joining(t, hub, &member{uid: "m1"}, nil, nil)
	if err == nil || !strings.Contains(err.Error(), `as "old"`) || !strings.Contains(err.Error(), "recover cluster c1 --rebind") {
		t.Errorf("%v", err)
	}
}
