package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/util/validation"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// initOptions of `init`.
type initOptions struct {
	*session
	name         string
	url          string
	spec         v1alpha1.FederationSpec
	secrets      string
	secretsSet   bool
	dryRun       bool
	noKubeconfig bool
	legacy       legacyFlags
}

func newCmdInit(s *session) *cobra.Command {
	o := &initOptions{session: s}
	cmd := &cobra.Command{
		Use:   "init NAME --bucket URL",
		Short: "Found a federation in a bucket",
		Long: templates.LongDesc(`
			Found a federation in a bucket.

			Lays the bucket out and writes a kubeconfig context of the federation's name, by which
			the other commands find it. It can be run again.`),
		Example: templates.Examples(`
			# Found the federation "federation" in a bucket of Google Cloud Storage
			kubectl fed init federation --bucket gs://my-bucket --dns-zone-name example.com

			# Found one in a directory
			kubectl fed init federation --bucket file:///srv/federation`),
		Run: func(cmd *cobra.Command, args []string) {
			cmdutil.CheckErr(o.complete(cmd, args))
			cmdutil.CheckErr(o.validate())
			cmdutil.CheckErr(o.run(s.ctx))
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.spec.DNSZone, "dns-zone-name", "", "DNS suffix under which federated Services are named: example.com")
	f.StringVar(&o.spec.DNSProvider, "dns-provider", "", "Who serves those names")
	f.StringVar(&o.spec.LoadBalancerProvider, "load-balancer-provider", "", "Who serves federated Ingresses")
	f.StringVar(&o.secrets, "secrets", string(v1alpha1.SecretsRefuse), "What becomes of Secrets: 'refuse' them, or store them as 'plaintext' that whoever reads the bucket can read")
	f.BoolVar(&o.noKubeconfig, "no-kubeconfig", false, "Write no kubeconfig context")
	addDryRun(cmd, &o.dryRun, "Only check and say what would be done: none, client or server")
	o.legacy = addLegacyFlags(f, append(kubefedCommon, "image", "etcd-image", "etcd-pv-capacity", "etcd-pv-storage-class",
		"etcd-persistent-storage", "etcd-servers", "dns-provider-config", "api-server-service-type", "api-server-advertise-address", "api-server-port",
		"apiserver-arg-overrides", "apiserver-enable-basic-auth", "apiserver-enable-token-auth", "controllermanager-arg-overrides",
		"image-pull-policy", "image-pull-secrets", "node-selector")...)
	return cmd
}

func (o *initOptions) complete(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return cmdutil.UsageErrorf(cmd, "exactly one NAME is required, got %d", len(args))
	}
	o.name, o.secretsSet = args[0], cmd.Flags().Changed("secrets")
	o.url = o.bucket
	if o.url == "" {
		o.url = os.Getenv(envBucket)
	}
	o.spec.LayoutVersion, o.spec.KeepRevisions = v1alpha1.LayoutVersion, v1alpha1.DefaultKeepRevisions
	o.spec.Secrets = v1alpha1.SecretPolicy(o.secrets)
	return nil
}

func (o *initOptions) validate() error {
	if msgs := validation.IsDNS1123Label(o.name); len(msgs) > 0 {
		return fmt.Errorf("federation name %q: %s", o.name, strings.Join(msgs, "; "))
	}
	if o.url == "" {
		return errors.New("a federation needs a bucket of its own: --bucket gs://NAME (or file:///DIRECTORY), or set " + envBucket)
	}
	if p := o.spec.Secrets; p != v1alpha1.SecretsRefuse && p != v1alpha1.SecretsPlaintext {
		return fmt.Errorf("--secrets %q: want %s or %s", p, v1alpha1.SecretsRefuse, v1alpha1.SecretsPlaintext)
	}
	if z := strings.TrimSuffix(o.spec.DNSZone, "."); z != "" {
		if msgs := validation.IsDNS1123Subdomain(z); len(msgs) > 0 {
			return fmt.Errorf("--dns-zone-name %q: %s", o.spec.DNSZone, strings.Join(msgs, "; "))
		}
	}
	return nil
}

func (o *initOptions) run(ctx context.Context) error {
	o.legacy.warn(o.session)
	o.session.bucket = o.url
	if !o.noKubeconfig {
		if err := o.freeContext(o.name, o.url); err != nil {
			return err
		}
	}
	hub, err := o.Hub()
	if err != nil {
		return err
	}
	if o.dryRun {
		fmt.Fprintf(o.Out, "federation/%s created (dry run)\n", o.name)
		return nil
	}
	if err := o.found(ctx, hub); err != nil {
		return err
	}
	if o.noKubeconfig {
		return nil
	}
	if err := o.writeContext(o.name, o.url); err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "Context %q written to the kubeconfig.\n", o.name)
	return nil
}

// found sets the bucket up and puts the federation into it, or finds it there.
func (o *initOptions) found(ctx context.Context, hub Hub) error {
	// One that is there is recognised before anything is touched.
	if f, err := hub.Federation(ctx); err == nil {
		return o.foundAlready(f)
	}
	warnings, err := hub.Provision(ctx)
	for _, w := range warnings {
		o.warn("%s", w)
	}
	if err != nil {
		return fmt.Errorf("set up %s: %w", o.url, err)
	}
	f := &v1alpha1.Federation{ObjectMeta: metav1.ObjectMeta{Name: o.name, UID: uuid.NewUUID(),
		CreationTimestamp: metav1.NewTime(o.now()).Rfc3339Copy()}, Spec: o.spec}
	err = hub.CreateFederation(ctx, f)
	if apierrors.IsAlreadyExists(err) {
		if f, err = hub.Federation(ctx); err == nil {
			return o.foundAlready(f)
		}
	}
	if err != nil {
		return fmt.Errorf("write federation.yaml to %s: %w", o.url, err)
	}
	fmt.Fprintf(o.Out, "federation/%s created\n", o.name)
	return nil
}

func (o *initOptions) foundAlready(f *v1alpha1.Federation) error {
	if f.Name != o.name {
		return fmt.Errorf("%s holds the federation %q already, and a bucket holds one only", o.url, f.Name)
	}
	fmt.Fprintf(o.Out, "federation/%s unchanged\n", o.name)
	if o.differs(f.Spec) {
		o.warn("the federation exists and keeps its settings; change them with kubectl fed edit federation %s", o.name)
	}
	return nil
}

// differs says whether a setting that was asked for is not what is kept.
func (o *initOptions) differs(kept v1alpha1.FederationSpec) bool {
	return (o.spec.DNSZone != "" && o.spec.DNSZone != kept.DNSZone) ||
		(o.spec.DNSProvider != "" && o.spec.DNSProvider != kept.DNSProvider) ||
		(o.spec.LoadBalancerProvider != "" && o.spec.LoadBalancerProvider != kept.LoadBalancerProvider) ||
		(o.secretsSet && o.spec.Secrets != kept.Secrets)
}
