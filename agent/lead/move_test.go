package lead

import (
	"fmt"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func total(asked map[string]int64, but string) (n int64) {
	for name, replicas := range asked {
		if name != but {
			n += replicas
		}
	}
	return n
}

func TestADeadClustersShareRunsElsewhere(t *testing.T) {
	for _, probed := range []bool{true, false} {
		for _, change := range []string{"", "dying", "dead", "returning"} {
			t.Run(fmt.Sprintf("probed=%v/%s", probed, change), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b, r := fleet(t, "1000", "a", "b", "c", "d", "e")
					epoch := int64(1)
					next := func(when string) {
						if when == change {
							r.crash(t)
							epoch++
							r = lead(t, b, fmt.Sprint("leader ", epoch), epoch)
						}
					}
					equal(t, "before", b.replicas(web)["b"], int64(200))
					within := 115 * time.Second
					if probed {
						b.locked(func() { b.sees["b"] = silence })
						within = 50 * time.Second
					}
					b.live(20*time.Second, "a", "c", "d", "e")
					next("dying")
					if change == "dying" {
						within += 20 * time.Second // silence counts from the new leader's first look
					}
					b.live(within, "a", "c", "d", "e")
					equal(t, "failed", b.failed(), "b")
					equal(t, "b stays frozen in its shard", b.replicas(web)["b"], int64(200))
					equal(t, "elsewhere", total(b.replicas(web), "b"), int64(1000))
					next("dead")
					b.live(3*time.Minute, "a", "c", "d", "e")
					equal(t, "failed", b.failed(), "b")
					equal(t, "elsewhere", total(b.replicas(web), "b"), int64(1000))

					b.locked(func() { delete(b.sees, "b") })
					b.live(20*time.Second, "a", "b", "c", "d", "e")
					equal(t, "holds", fmt.Sprint(b.verdict("b").Holding, " ", b.failed()), "true b")
					next("returning")
					b.live(40*time.Second, "a", "b", "c", "d", "e")
					equal(t, "holds still", b.verdict("b").Holding, true)
					b.live(40*time.Second, "a", "b", "c", "d", "e")
					equal(t, "trusted", fmt.Sprint(b.verdict("b").Holding, " ", b.failed(), b.verdict("b").Flaps), "false 1")
					b.live(15*time.Second, "a", "b", "c", "d", "e")
					equal(t, "in all", fmt.Sprint(b.replicas(web)), "map[a:200 b:200 c:200 d:200 e:200]")
					equal(t, "told", events(b.statuses["b"].Events), "FailedOver;Holding;Returned;")
					r.crash(t)
				})
			})
		}
	}
}

func TestThreeOfFiveFreezeUntilTheyAreLost(t *testing.T) {
	for _, change := range []bool{false, true} {
		t.Run(fmt.Sprint("new leader ", change), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, r := fleet(t, "1000", "a", "b", "c", "d", "e")
				b.locked(func() { b.sees["c"], b.sees["d"], b.sees["e"] = silence, silence, silence })
				before := b.replicas(web)
				b.live(40*time.Second, "a", "b")
				if change {
					r.crash(t)
					r = lead(t, b, "two", 2)
				}
				b.live(10*time.Minute, "a", "b")
				equal(t, "failed", b.failed(), "")
				equal(t, "replicas", maps.Equal(b.replicas(web), before), true)
				equal(t, "told", meta.IsStatusConditionTrue(b.fedStatus.Conditions, v1alpha1.ConditionFrozen), true)
				equal(t, "events", events(b.fedStatus.Events), "Frozen;")

				b.put(web, "1010", ringing)
				b.live(5*time.Second, "a", "b")
				equal(t, "users' writes go on", total(b.replicas(web), ""), int64(1010))
				for _, name := range []string{"c", "d", "e"} {
					b.change(name, func(c *v1alpha1.Cluster) { c.Spec.Cordoned, c.Spec.Lost = true, true })
				}
				b.locked(func() { b.ring(nil) })
				b.live(10*time.Second, "a", "b")
				equal(t, "lost", b.failed(), "cde")
				equal(t, "released", b.replicas(web)["a"]+b.replicas(web)["b"], int64(1010))
				equal(t, "told", meta.IsStatusConditionTrue(b.fedStatus.Conditions, v1alpha1.ConditionFrozen), false)
				r.crash(t)
			})
		})
	}
}

func TestOneOfTwoFailsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := fleet(t, "10", "a", "b")
		b.live(130*time.Second, "a")
		equal(t, "failed", b.failed(), "b")
		equal(t, "all of it", b.replicas(web)["a"], int64(10))
		r.crash(t)
	})
}

func TestNothingIsMovedOnAVerdictThatIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := fleet(t, "10", "a", "b")
		b.setFail(failing(errAway, func(call, _ string) bool { return call == "PutVerdicts" }))
		b.live(5*time.Minute, "a")
		equal(t, "not kept", b.failed(), "")
		equal(t, "not moved", b.replicas(web)["a"], int64(5))
		b.setFail(func(string, string) error { return nil })
		b.live(5*time.Second, "a")
		equal(t, "kept", b.failed(), "b")
		equal(t, "moved", b.replicas(web)["a"], int64(10))
		r.crash(t)
	})
}

func TestReplicasThatFindNoNodeRunElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := fleet(t, "100", "a", "b")
		b.locked(func() { b.unschedulable["b"] = 20 })
		b.live(15*time.Second, "a", "b")
		b.locked(func() { clear(b.unschedulable) })
		b.live(15*time.Second, "a", "b")
		equal(t, "replicas", fmt.Sprint(b.replicas(web)), "map[a:70 b:30]")
		equal(t, "kept", fmt.Sprint(len(b.verdicts.Capacities), b.verdicts.Capacities[0].Replicas), "1 30")
		r.crash(t)
		r = lead(t, b, "two", 2)
		b.put(web, "120", ringing)
		b.live(30*time.Second, "a", "b")
		equal(t, "by a new leader, too", fmt.Sprint(b.replicas(web)), "map[a:90 b:30]")
		b.live(6*time.Minute, "a", "b")
		b.put(web, "200", ringing)
		b.live(15*time.Second, "a", "b")
		equal(t, "tried again when the estimate has expired", fmt.Sprint(b.replicas(web)), "map[a:100 b:100]")
		r.crash(t)
	})
}

// What waits for a replacement goes on as soon as that is reported.
func TestADrainGoesOnWithTheReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := fleet(t, "10", "a", "b", "c")
		b.change("b", func(c *v1alpha1.Cluster) { c.Spec.Cordoned, c.Spec.Drained = true, true })
		b.locked(func() { b.ring(nil) })
		pass(500 * time.Millisecond)
		before := b.replicas(web)
		equal(t, "others have it all, before b gives anything up", fmt.Sprint(before["b"], total(before, "b")), "3 10")
		b.live(12*time.Second, "a", "b", "c")
		equal(t, "then it does", b.replicas(web)["b"], int64(0))
		st, _ := b.status(web)
		for _, row := range st.Clusters {
			if row.Why == "" {
				t.Errorf("%s: nobody says why", row.Cluster)
			}
		}
		r.crash(t)
	})
}

// The shares that wait for a dead cluster's return are known to a new leader.
func TestWhoIsAwayOutlivesALeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := fleet(t, "9", "a", "b", "c")
		b.live(3*time.Minute, "a", "c")
		st, _ := b.status(web)
		equal(t, "away", fmt.Sprint(st.Away, st.Wanted), "[b] 9")
		r.crash(t)
		r = lead(t, b, "two", 2)
		b.live(10*time.Second, "a", "c")
		after, _ := b.status(web)
		equal(t, "away", fmt.Sprint(after.Away, after.Wanted), "[b] 9")
		equal(t, "nothing moved", fmt.Sprint(b.replicas(web)), fmt.Sprint(map[string]int64{"a": 5, "b": 3, "c": 4}))
		r.crash(t)
	})
}
