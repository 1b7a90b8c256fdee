package plugin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// unjoinOptions of `unjoin`.
type unjoinOptions struct {
	*session
	name      string
	orphan    bool
	remove    bool
	wait      bool
	force     bool
	timeout   time.Duration
	context   string
	legacy    legacyFlags
	pollEvery time.Duration
}

const (
	unjoinFor = 10 * time.Minute
	// progressEvery is how often a long wait says what it waits for.
	progressEvery = 10 * time.Second
)

func newCmdUnjoin(s *session) *cobra.Command {
	o := &unjoinOptions{session: s, pollEvery: time.Second}
	cmd := &cobra.Command{
		Use:   "unjoin NAME (--orphan | --delete)",
		Short: "Let a cluster leave the federation",
		Long: templates.LongDesc(`
			Let a cluster leave the federation.

			With --delete its agent removes what the federation placed there, with --orphan it leaves it
			running, without the federation's marks. The cluster is a member until its agent has
			reported that this is done; unjoin waits for that and can be run again.`),
		Example: templates.Examples(`
			# Let a cluster go and keep what runs in it
			kubectl fed unjoin us-east1-b --orphan

			# Strike off a cluster that no longer exists
			kubectl fed unjoin us-east1-b --orphan --force`),
		ValidArgsFunction: s.completeOneMember(),
		Run: func(cmd *cobra.Command, args []string) {
			cmdutil.CheckErr(o.complete(cmd, args))
			cmdutil.CheckErr(o.validate())
			cmdutil.CheckErr(o.run(s.ctx))
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.orphan, "orphan", false, "Keep what the federation placed in the cluster, without its marks")
	f.BoolVar(&o.remove, "delete", false, "Delete what the federation placed in the cluster")
	f.BoolVar(&o.wait, "wait", true, "Wait until the cluster's agent has reported that it is done")
	f.BoolVar(&o.force, "force", false, "Strike the cluster off without waiting for its agent. What runs in it stays as it is")
	f.DurationVar(&o.timeout, "timeout", unjoinFor, "How long to wait")
	f.StringVar(&o.context, "cluster-context", "", "The cluster's kubeconfig context; only named in the advice at the end")
	o.legacy = addLegacyFlags(f, kubefedCommon...)
	return cmd
}

func (o *unjoinOptions) complete(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return cmdutil.UsageErrorf(cmd, "exactly one NAME is required, got %d", len(args))
	}
	o.name = args[0]
	return nil
}

func (o *unjoinOptions) validate() error {
	if o.orphan && o.remove {
		return errors.New("--orphan and --delete exclude each other")
	}
	if o.timeout <= 0 {
		return errors.New("--timeout must be greater than 0")
	}
	return clusterName(o.name)
}

func (o *unjoinOptions) run(ctx context.Context) error {
	o.legacy.warn(o.session)
	hub, _, err := o.Federation(ctx)
	if err != nil {
		return err
	}
	c, err := hub.Cluster(ctx, o.name)
	if err != nil {
		return err
	}
	mode, err := o.mode(c)
	if err != nil {
		return err
	}
	if err := o.leavesALeader(ctx, hub, c); err != nil {
		return err
	}
	if !o.force {
		if c, err = o.leave(ctx, hub, mode); err != nil || !o.wait {
			return err
		}
	}
	return o.strikeOff(ctx, hub, c)
}

// leavesALeader refuses to let the only member go that may lead while there
// are others: nobody would plan for them, nor see them off.
func (o *unjoinOptions) leavesALeader(ctx context.Context, hub Hub, c *v1alpha1.Cluster) error {
	if o.force || !c.Spec.LeaderEligible {
		return nil
	}
	clusters, err := hub.Clusters(ctx)
	if err != nil {
		return fmt.Errorf("read the members: %w", err)
	}
	var others []v1alpha1.Cluster
	for _, other := range clusters {
		if other.Name == c.Name {
			continue
		}
		if other.Spec.LeaderEligible && other.Spec.Leaving == "" && !other.Spec.Lost {
			return nil
		}
		others = append(others, other)
	}
	if len(others) == 0 {
		return nil
	}
	return fmt.Errorf("%s is the only member that may lead: let %s leave first, or let another lead: "+
		`kubectl fed patch cluster %s --type=merge -p '{"spec":{"leaderEligible":true}}'`, c.Name, names(others), others[0].Name)
}

// mode is what the user says, or has said before, becomes of the objects.
func (o *unjoinOptions) mode(c *v1alpha1.Cluster) (v1alpha1.LeavingMode, error) {
	switch {
	case o.orphan:
		return v1alpha1.LeavingOrphan, nil
	case o.remove:
		return v1alpha1.LeavingDelete, nil
	case c.Spec.Leaving != "":
		return c.Spec.Leaving, nil
	case !o.asks():
		return "", errors.New("say what becomes of the cluster's objects: --orphan keeps them, without the federation's marks; --delete deletes them")
	}
	answer, err := o.ask(fmt.Sprintf("What becomes of what the federation placed in %s? [orphan/delete]", c.Name))
	switch {
	case err != nil:
		return "", err
	case answer == "orphan":
		return v1alpha1.LeavingOrphan, nil
	case answer == "delete":
		return v1alpha1.LeavingDelete, nil
	}
	return "", errors.New("nothing was done: the answer was neither orphan nor delete")
}

// leave asks the cluster to let go and, if told to, waits until it has. It
// returns the member that leaves.
func (o *unjoinOptions) leave(ctx context.Context, hub Hub, mode v1alpha1.LeavingMode) (*v1alpha1.Cluster, error) {
	c, err := o.updateCluster(ctx, hub, o.name, func(c *v1alpha1.Cluster) bool {
		was := c.Spec.Leaving
		c.Spec.Leaving = mode
		return was != mode
	})
	if err != nil {
		return nil, err
	}
	o.ring(ctx)
	fmt.Fprintf(o.Out, "cluster/%s leaving (%s)\n", c.Name, mode)
	if !o.wait {
		return c, nil
	}
	return c, o.awaitGone(ctx, hub, c)
}

func (o *unjoinOptions) awaitGone(ctx context.Context, hub Hub, c *v1alpha1.Cluster) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	told := o.now()
	remaining := "nothing is known of it yet"
	for {
		statuses, err := hub.ClusterStatuses(ctx)
		if err != nil && !apierrors.IsServiceUnavailable(err) && ctx.Err() == nil {
			return fmt.Errorf("read the status of the members: %w", err)
		}
		st, known := statuses[c.Name]
		if known && st.UID == c.UID {
			if hasLeft(st) {
				return nil
			}
			remaining = fmt.Sprintf("%d objects remain", st.Remaining)
		}
		if o.now().Sub(told) >= progressEvery {
			told = o.now()
			fmt.Fprintf(o.ErrOut, "waiting for %s to let go: %s\n", c.Name, remaining)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s has not let go within %s (%s); it goes on by itself. Run unjoin again to wait on, or with --force if it will not come back", c.Name, o.timeout, remaining)
		case <-time.After(o.pollEvery):
		}
	}
}

// hasLeft: the leader knows that the cluster leaves, and the agent has taken
// over a revision that holds nothing any more. One that never reported has
// nothing; revision 0 of one that has means that its shard is not known yet.
func hasLeft(st v1alpha1.ClusterStatus) bool {
	done := st.Revision > 0 && st.Remaining == 0 && st.Applied >= st.Revision
	return st.State == v1alpha1.ClusterLeaving && (st.LastHeartbeat.IsZero() || done)
}

// strikeOff removes the very member that was seen off: another may have joined
// under its name, or the user may have had second thoughts.
func (o *unjoinOptions) strikeOff(ctx context.Context, hub Hub, c *v1alpha1.Cluster) error {
	generation, err := strconv.ParseInt(c.ResourceVersion, 10, 64)
	if err != nil {
		return fmt.Errorf("strike %s off: resourceVersion: %w", o.name, err)
	}
	err = hub.DeleteCluster(ctx, o.name, generation)
	if apierrors.IsConflict(err) {
		return fmt.Errorf("strike %s off: the cluster was changed meanwhile; run unjoin again", o.name)
	}
	if ignoreNotFound(err) != nil {
		return fmt.Errorf("strike %s off: %w", o.name, err)
	}
	o.wrote("clusters/"+o.name+".yaml", 0)
	fmt.Fprintf(o.Out, "cluster/%s unjoined\n", o.name)
	if o.force {
		o.warn("%s was struck off without its agent's word: what the federation placed in it is still there", o.name)
	}
	context := ""
	if o.context != "" {
		context = " --kube-context " + o.context
	}
	fmt.Fprintf(o.ErrOut, "Its agent is no longer needed: helm uninstall fed-agent --namespace %s%s\n", v1alpha1.AgentNamespace, context)
	return nil
}
