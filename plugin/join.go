package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// joinOptions of `join`.
type joinOptions struct {
	*session
	name      string
	context   string
	region    string
	zones     []string
	labels    map[string]string
	taintText []string
	taints    []v1alpha1.Taint
	ranges    []string
	sources   []string
	// place is --coordinates, coordinates what it says; nil for nothing.
	place       string
	coordinates *v1alpha1.Coordinates
	eligible    bool
	// eligibleSet: the user has said so or otherwise.
	eligibleSet bool
	install     bool
	helm        helm
	legacy      legacyFlags
	// lookAt asks the cluster behind a context who it is.
	lookAt func(ctx context.Context, contextName string) (*member, error)
}

func newCmdJoin(s *session) *cobra.Command {
	o := &joinOptions{session: s, lookAt: s.look}
	cmd := &cobra.Command{
		Use:   "join NAME",
		Short: "Make a cluster a member of the federation",
		Long: templates.LongDesc(`
			Make a cluster a member of the federation.

			Writes the cluster into the bucket and prints the helm command that installs its agent;
			with --install runs it. Given the cluster's kubeconfig context, region and zones are read
			from its nodes' labels. No credentials are kept.

			The first cluster that joins may lead. Whoever leads can write what every member runs, so
			it is as trusted as an administrator of all of them; three to five are a good number.`),
		Example: templates.Examples(`
			# Join a cluster and install its agent
			kubectl fed join cluster-us-east1-b --cluster-context gke_my-project_us-east1-b_gce-us-east1-b --install`),
		Run: func(cmd *cobra.Command, args []string) {
			cmdutil.CheckErr(o.complete(cmd, args))
			cmdutil.CheckErr(o.validate())
			cmdutil.CheckErr(o.run(s.ctx))
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.context, "cluster-context", "", "The kubeconfig context of the cluster that joins")
	f.StringVar(&o.region, "region", "", "Region of the cluster; read from its nodes if not said")
	f.StringSliceVar(&o.zones, "zones", nil, "Zones of the cluster; read from its nodes if not said")
	f.StringVar(&o.place, "coordinates", "", "Where the cluster is, for what is closest: LATITUDE,LONGITUDE in degrees; those of its region if not said")
	f.BoolVar(&o.eligible, "leader-eligible", false, "Whether the cluster's agent may lead; the first cluster's may if not said")
	f.StringToStringVar(&o.labels, "labels", nil, "Labels of the cluster: key=value,…")
	f.StringSliceVar(&o.taintText, "taints", nil, "Taints of the cluster: key=value:NoSchedule,…")
	f.StringSliceVar(&o.ranges, "address-ranges", nil, "CIDRs within which the cluster may report addresses")
	f.StringSliceVar(&o.sources, "sources", nil, "CIDRs that connections of the cluster's pods come from, where its nodes' pod ranges do not tell: they reach their own cluster first")
	f.BoolVar(&o.install, "install", false, "Run the helm command that installs the agent")
	o.helm.addFlags(f)
	o.legacy = addLegacyFlags(f, append(kubefedCommon, "secret-name", "service-account-name")...)
	return cmd
}

func (o *joinOptions) complete(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return cmdutil.UsageErrorf(cmd, "exactly one NAME is required, got %d", len(args))
	}
	o.name = args[0]
	o.eligibleSet = cmd.Flags().Changed("leader-eligible")
	for _, text := range o.taintText {
		t, err := parseTaint(text)
		if err != nil {
			return err
		}
		o.taints = append(o.taints, t)
	}
	if o.place == "" {
		return nil
	}
	var err error
	if o.coordinates, err = v1alpha1.ParseCoordinates(o.place); err != nil {
		return fmt.Errorf("--coordinates %w", err)
	}
	return nil
}

func parseTaint(text string) (v1alpha1.Taint, error) {
	keyValue, effect, ok := strings.Cut(text, ":")
	key, value, _ := strings.Cut(keyValue, "=")
	if !ok || key == "" || (effect != "NoSchedule" && effect != "NoExecute") {
		return v1alpha1.Taint{}, fmt.Errorf("taint %q: want key=value:NoSchedule or key=value:NoExecute", text)
	}
	if msgs := validation.IsQualifiedName(key); len(msgs) > 0 {
		return v1alpha1.Taint{}, fmt.Errorf("taint %q: %s", text, strings.Join(msgs, "; "))
	}
	return v1alpha1.Taint{Key: key, Value: value, Effect: effect}, nil
}

func (o *joinOptions) validate() error {
	if err := clusterName(o.name); err != nil {
		return err
	}
	if errs := metav1validation.ValidateLabels(o.labels, field.NewPath("labels")); len(errs) > 0 {
		return fmt.Errorf("--labels: %w", errs.ToAggregate())
	}
	if err := errors.Join(validateRanges("address-ranges", o.ranges), validateRanges("sources", o.sources)); err != nil {
		return err
	}
	if o.install && o.context == "" {
		return errors.New("--install needs --cluster-context: the agent is installed in that cluster")
	}
	return nil
}

func clusterName(name string) error {
	if msgs := validation.IsDNS1123Label(name); len(msgs) > 0 {
		return fmt.Errorf("cluster name %q: %s", name, strings.Join(msgs, "; "))
	}
	return nil
}

func validateRanges(flag string, ranges []string) error {
	for _, r := range ranges {
		if errs := validation.IsValidCIDR(field.NewPath(flag), r); len(errs) > 0 {
			return fmt.Errorf("--%s %q: %w", flag, r, errs.ToAggregate())
		}
	}
	return nil
}

func (o *joinOptions) run(ctx context.Context) error {
	o.legacy.warn(o.session)
	hub, f, err := o.Federation(ctx)
	if err != nil {
		return err
	}
	found := &member{}
	if o.context != "" {
		if found, err = o.lookAt(ctx, o.context); err != nil {
			return err
		}
	}
	c, err := o.join(ctx, hub, found)
	if err != nil {
		return err
	}
	url, err := o.bucketURL()
	if err != nil {
		return err
	}
	command := o.helm.command(helmValues{bucket: url, cluster: c.Name, clusterUID: string(c.UID), federationUID: string(f.UID)},
		o.context, *o.config.KubeConfig)
	if o.install {
		return o.runHelm(ctx, command)
	}
	fmt.Fprintf(o.Out, "\nInstall its agent:\n  %s\n", strings.Join(quoted(command), " "))
	return nil
}

// join writes the cluster, or recognises one that is a member already.
func (o *joinOptions) join(ctx context.Context, hub Hub, found *member) (*v1alpha1.Cluster, error) {
	clusters, err := hub.Clusters(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the members: %w", err)
	}
	for i := range clusters {
		if clusters[i].Name == o.name {
			return o.again(ctx, hub, &clusters[i], found)
		}
	}
	if found.uid != "" {
		if c, err := boundTo(ctx, hub, o.name, found.uid); err != nil || c != nil {
			return nil, o.memberAlready(c, err)
		}
	}
	c := o.cluster(found, len(clusters) == 0)
	if err := hub.CreateCluster(ctx, c, o.provenance()); err != nil {
		return nil, err
	}
	o.wroteCluster(c)
	fmt.Fprintf(o.Out, "cluster/%s joined\n", c.Name)
	if c.Spec.LeaderEligible && !o.eligibleSet {
		fmt.Fprintf(o.ErrOut, "%s is the first member, so its agent may lead the federation.\n", c.Name)
	}
	if len(found.otherRegions) > 0 && o.region == "" {
		o.warn("nodes of %s are in several regions; the cluster counts as in %s, not in %s", c.Name, c.Spec.Region, strings.Join(found.otherRegions, ", "))
	}
	return c, nil
}

func (o *joinOptions) memberAlready(c *v1alpha1.Cluster, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("the cluster behind context %q is a member already, as %q. For another name, join that without --cluster-context, "+
		"install its agent, and then kubectl fed recover cluster %s --rebind", o.context, c.Name, o.name)
}

func (o *joinOptions) cluster(found *member, first bool) *v1alpha1.Cluster {
	c := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: o.name, UID: uuid.NewUUID(), Labels: o.labels,
		CreationTimestamp: metav1.NewTime(o.now()).Rfc3339Copy()},
		Spec: v1alpha1.ClusterSpec{Region: o.region, Zones: o.zones, Taints: o.taints, AddressRanges: o.ranges, Sources: o.sources, Coordinates: o.coordinates,
			LeaderEligible: o.eligible || (first && !o.eligibleSet), MemberUID: found.uid}}
	if c.Spec.Region == "" {
		c.Spec.Region = found.region
	}
	if len(c.Spec.Zones) == 0 {
		c.Spec.Zones = found.zones
	}
	return c
}

// again is a join of a name that is a member: the same cluster may do so.
func (o *joinOptions) again(ctx context.Context, hub Hub, c *v1alpha1.Cluster, found *member) (*v1alpha1.Cluster, error) {
	if c.Spec.Leaving != "" {
		return nil, fmt.Errorf("cluster %q is leaving the federation: join again when kubectl fed unjoin %s has ended", c.Name, c.Name)
	}
	known := c.Spec.MemberUID
	if statuses, err := hub.ClusterStatuses(ctx); err == nil && known == "" && statuses[c.Name].UID == c.UID {
		known = statuses[c.Name].MemberUID
	}
	if found.uid == "" || known != found.uid {
		return nil, apierrors.NewAlreadyExists(schema.GroupResource{Group: v1alpha1.Group, Resource: "clusters"}, c.Name)
	}
	fmt.Fprintf(o.Out, "cluster/%s unchanged\n", c.Name)
	return c, nil
}

// wroteCluster notes a change of a cluster for the bell.
func (s *session) wroteCluster(c *v1alpha1.Cluster) {
	s.wrote("clusters/"+c.Name+".yaml", generation(c.ResourceVersion))
}
