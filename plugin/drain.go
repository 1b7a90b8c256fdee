package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// drainOptions of `drain`.
type drainOptions struct {
	*session
	names     []string
	wait      bool
	timeout   time.Duration
	pollEvery time.Duration
}

const drainFor = 10 * time.Minute

func newCmdDrain(s *session) *cobra.Command {
	o := &drainOptions{session: s, pollEvery: time.Second}
	cmd := &cobra.Command{
		Use:   "drain NAME...",
		Short: "Move what can run elsewhere out of clusters, without disruption",
		Long: templates.LongDesc(`
			Move what can run elsewhere out of clusters, without disruption.

			The clusters are cordoned. Replicas that are divided, and objects that run in one cluster only,
			move: each is given up once its replacement is ready. Copies (ConfigMaps, Services, whole
			StatefulSets, DaemonSets) stay, and Jobs run to their end. uncordon takes the clusters back.`),
		Example: templates.Examples(`
			# Empty a cluster before its upgrade, and take it back
			kubectl fed drain us-east1-b
			kubectl fed uncordon us-east1-b`),
		ValidArgsFunction: o.completeMembers(""),
		Run: func(cmd *cobra.Command, args []string) {
			if len(args) == 0 {
				cmdutil.CheckErr(cmdutil.UsageErrorf(cmd, "at least one cluster NAME is required"))
			}
			o.names = args
			cmdutil.CheckErr(o.run(s.ctx))
		},
	}
	cmd.Flags().BoolVar(&o.wait, "wait", true, "Wait until nothing is left to move")
	cmd.Flags().DurationVar(&o.timeout, "timeout", drainFor, "How long to wait")
	return cmd
}

func (o *drainOptions) run(ctx context.Context) error {
	if o.timeout <= 0 {
		return errors.New("--timeout must be greater than 0")
	}
	hub, _, err := o.Federation(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, name := range o.names {
		faults = append(faults, o.mark(ctx, hub, name))
	}
	if err := oneError(faults); err != nil || !o.wait {
		return err
	}
	o.ring(ctx)
	return o.await(ctx, hub)
}

func (o *drainOptions) mark(ctx context.Context, hub Hub, name string) error {
	changed := false
	c, err := o.updateCluster(ctx, hub, name, func(c *v1alpha1.Cluster) bool {
		changed = !c.Spec.Cordoned || !c.Spec.Drained
		c.Spec.Cordoned, c.Spec.Drained = true, true
		return changed
	})
	if err != nil {
		return err
	}
	word := "draining"
	if !changed {
		word = "already draining"
	}
	fmt.Fprintf(o.Out, "cluster/%s %s\n", c.Name, word)
	return nil
}

// await waits until no object has replicas in the clusters any more.
func (o *drainOptions) await(ctx context.Context, hub Hub) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	told, left := o.now(), "the leader has not looked yet"
	for {
		statuses, err := hub.ObjectStatuses(ctx, "")
		switch {
		case err == nil:
			if left = o.left(statuses); left == "" && o.seen(ctx, hub) {
				o.drained()
				return nil
			}
		case !apierrors.IsServiceUnavailable(err) && ctx.Err() == nil:
			return fmt.Errorf("read the statuses: %w", err)
		}
		if o.now().Sub(told) >= progressEvery {
			told = o.now()
			fmt.Fprintf(o.ErrOut, "waiting for %s to drain: %s\n", strings.Join(o.names, ", "), left)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not drained within %s (%s); it goes on by itself. See kubectl fed why TYPE NAME, and run drain again to wait on", o.timeout, left)
		case <-time.After(o.pollEvery):
		}
	}
}

func (o *drainOptions) drained() {
	for _, name := range o.names {
		fmt.Fprintf(o.Out, "cluster/%s drained\n", name)
	}
}

// seen: the leader's word on every cluster is that it is cordoned, so what it
// says of the objects is of after that.
func (o *drainOptions) seen(ctx context.Context, hub Hub) bool {
	statuses, err := hub.ClusterStatuses(ctx)
	return err == nil && !slices.ContainsFunc(o.names, func(name string) bool {
		st, ok := statuses[name]
		return !ok || st.State != v1alpha1.ClusterCordoned
	})
}

// left tells what still has replicas in the clusters; empty when nothing has.
func (o *drainOptions) left(statuses map[v1alpha1.Key]v1alpha1.ObjectStatus) string {
	var replicas int64
	var held []string
	for k, st := range statuses {
		// Copies stay, and a Job runs to its end where it began.
		if st.Wanted == 0 || k.Group == "batch" && k.Resource == "jobs" {
			continue
		}
		for _, row := range st.Clusters {
			if slices.Contains(o.names, row.Cluster) && row.Replicas != nil && *row.Replicas > 0 {
				replicas += *row.Replicas
				held = append(held, k.GroupResource().String()+"/"+k.Name+noRoom(st))
			}
		}
	}
	if replicas == 0 {
		return ""
	}
	slices.Sort(held)
	held = slices.Compact(held)
	const shown = 3
	more := ""
	if len(held) > shown {
		held, more = held[:shown], ", …"
	}
	return fmt.Sprintf("%d replicas left of %s%s", replicas, strings.Join(held, ", "), more)
}

// noRoom says that no other cluster takes what has to leave.
func noRoom(st v1alpha1.ObjectStatus) string {
	if c := meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionPlaced); c != nil && c.Status == metav1.ConditionFalse {
		return " (" + c.Message + ": it stays until there is room)"
	}
	return ""
}
