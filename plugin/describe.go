package plugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/resource"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	utilcomp "k8s.io/kubectl/pkg/util/completion"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// describeOptions of `describe`.
type describeOptions struct {
	*session
	factory       cmdutil.Factory
	files         resource.FilenameOptions
	selector      string
	allNamespaces bool
	args          []string
}

func newCmdDescribe(s *session, f cmdutil.Factory) *cobra.Command {
	o := &describeOptions{session: s, factory: f}
	cmd := &cobra.Command{
		Use:   "describe (-f FILENAME | TYPE [NAME | -l label] | TYPE/NAME)",
		Short: "Show what is wanted of objects, what each cluster runs of them, and what happened",
		Example: templates.Examples(`
			# Show a ReplicaSet and its part in each cluster
			kubectl fed describe rs k8shserver

			# Show a member, and the federation itself
			kubectl fed describe cluster us-east1-b
			kubectl fed describe federation`),
		ValidArgsFunction: utilcomp.ResourceTypeAndNameCompletionFunc(f),
		Run: func(cmd *cobra.Command, args []string) {
			o.args = args
			cmdutil.CheckErr(o.validate(cmd))
			cmdutil.CheckErr(o.run(s.ctx))
		},
	}
	cmdutil.AddFilenameOptionFlags(cmd, &o.files, "containing the resource to describe")
	cmdutil.AddLabelSelectorFlagVar(cmd, &o.selector)
	cmd.Flags().BoolVarP(&o.allNamespaces, "all-namespaces", "A", false, "Describe the objects of all namespaces")
	return cmd
}

func (o *describeOptions) validate(cmd *cobra.Command) error {
	if len(o.args) == 0 && cmdutil.IsFilenameSliceEmpty(o.files.Filenames, o.files.Kustomize) {
		return cmdutil.UsageErrorf(cmd, "You must specify the type of resource to describe.")
	}
	return nil
}

func (o *describeOptions) run(ctx context.Context) error {
	namespace, enforce, err := o.factory.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return err
	}
	result := o.factory.NewBuilder().Unstructured().ContinueOnError().
		NamespaceParam(namespace).DefaultNamespace().AllNamespaces(o.allNamespaces).
		FilenameParam(enforce, &o.files).LabelSelectorParam(o.selector).
		ResourceTypeOrNameArgs(true, o.args...).Latest().Flatten().Do()
	infos, err := result.Infos()
	if len(infos) == 0 && err == nil {
		fmt.Fprintln(o.ErrOut, "No resources found")
	}
	var faults []error
	for i, info := range infos {
		if i > 0 {
			fmt.Fprint(o.Out, "\n\n")
		}
		faults = append(faults, o.describe(ctx, info))
	}
	if err != nil && len(o.args) > 0 {
		err = o.describeAbsent(ctx, err, len(infos) > 0)
	}
	return oneError(append([]error{err}, faults...))
}

// oneError keeps a single error as it is, so that its kind is still known.
func oneError(faults []error) error {
	var told []error
	for _, err := range faults {
		if err != nil {
			told = append(told, err)
		}
	}
	if len(told) == 1 {
		return told[0]
	}
	return errors.Join(told...)
}

func (o *describeOptions) describe(ctx context.Context, info *resource.Info) error {
	obj, ok := info.Object.(*unstructured.Unstructured)
	if !ok {
		return fmt.Errorf("%s: cannot be described", info.ObjectName())
	}
	hub, err := o.Hub()
	if err != nil {
		return err
	}
	out := newOutline(o.Out)
	defer out.flush()
	gr := info.Mapping.Resource.GroupResource()
	switch {
	case gr.Group == v1alpha1.Group && gr.Resource == "clusters":
		return o.describeCluster(ctx, out, hub, obj)
	case gr.Group == v1alpha1.Group && gr.Resource == "federations":
		return o.describeFederation(ctx, out, hub, obj)
	case gr.Group == v1alpha1.Group && gr.Resource == v1alpha1.ResourcePlacements:
		return o.describePlacement(ctx, out, hub, obj)
	}
	// An old version's group is another; its plural is the same.
	key := v1alpha1.Key{Namespace: obj.GetNamespace(), Group: obj.GroupVersionKind().Group, Resource: gr.Resource, Name: obj.GetName()}
	if v1alpha1.KeyIsIngress(key) {
		return o.describeIngress(ctx, out, hub, key, obj)
	}
	return o.describeObject(ctx, out, hub, key, obj)
}

// ago is how long ago, as kubectl writes it.
func (s *session) ago(t metav1.Time) string {
	if t.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(s.now().Sub(t.Time))
}

func when(t metav1.Time) string {
	if t.IsZero() {
		return "<unknown>"
	}
	return t.UTC().Format(time.RFC1123Z)
}

// ignoreNotFound is for what may not be there yet.
func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
