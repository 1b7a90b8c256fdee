package plugin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/resource"
	cmddelete "k8s.io/kubectl/pkg/cmd/delete"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
)

const (
	// waitForDelete is how long delete waits for the members unless told otherwise.
	waitForDelete = 5 * time.Minute
	// manyObjects is how many may be deleted without asking.
	manyObjects = 10
)

// deleteOptions of what this delete does beyond kubectl's.
type deleteOptions struct {
	*session
	factory cmdutil.Factory
	yes     bool
	missing bool
}

// newCmdDelete is kubectl's delete, which asks before it deletes much, says
// what it waits for, and can confirm the delete of what vanished.
func newCmdDelete(s *session, f cmdutil.Factory) *cobra.Command {
	o := &deleteOptions{session: s, factory: f}
	cmd := cmddelete.NewCmdDelete(f, s.IOStreams)
	cmd.Flags().BoolVar(&o.yes, "yes", false, "Do not ask before many objects, or a Namespace that holds any, are deleted")
	cmd.Flags().BoolVar(&o.missing, "missing", false, "Delete in the members what is no longer in the bucket though nobody deleted it; all of it, or the objects named")
	cmd.Example += "\n\n  # Delete in the members what vanished from the bucket\n  kubectl fed delete --missing"
	if timeout := cmd.Flags().Lookup("timeout"); timeout != nil {
		_ = timeout.Value.Set(waitForDelete.String()) // a constant that parses
		timeout.DefValue = waitForDelete.String()
		timeout.Usage = "How long to wait for the members to let go"
	}
	inner := cmd.Run
	cmd.Run = func(cmd *cobra.Command, args []string) {
		if o.missing {
			cmdutil.CheckErr(o.deleteMissing(s.ctx, cmd, args))
			return
		}
		cmdutil.CheckErr(s.spoolUnread(cmd))
		cmdutil.CheckErr(o.confirmLarge(s.ctx, cmd, args))
		s.waitingFor = "the members to let go of what was deleted (--wait=false returns at once)"
		inner(cmd, args)
	}
	return cmd
}

// confirmLarge asks before a delete that is larger than people mean by accident.
func (o *deleteOptions) confirmLarge(ctx context.Context, cmd *cobra.Command, args []string) error {
	dryRun, err := cmdutil.GetDryRunStrategy(cmd)
	if err != nil || o.yes || dryRun != cmdutil.DryRunNone || cmdutil.GetFlagBool(cmd, "interactive") {
		return err
	}
	infos, err := o.meant(cmd, args)
	if err != nil {
		return nil // kubectl's delete says it better
	}
	count := len(infos)
	var inside []string
	for _, info := range infos {
		if info.Mapping.Resource.Resource != "namespaces" || info.Mapping.Resource.Group != "" {
			continue
		}
		n, err := o.holds(ctx, info.Name)
		if err != nil {
			return err
		}
		if count += n; n > 0 {
			inside = append(inside, fmt.Sprintf("namespace %s with %s", info.Name, objects(n)))
		}
	}
	if count <= manyObjects && len(inside) == 0 {
		return nil
	}
	what := fmt.Sprintf("this deletes %s in every cluster of the federation", objects(count))
	if len(inside) > 0 {
		what += ", " + strings.Join(inside, ", ")
	}
	return o.confirm(false, what)
}

// holds counts the specs in a namespace.
func (o *deleteOptions) holds(ctx context.Context, namespace string) (int, error) {
	hub, err := o.Hub()
	if err != nil {
		return 0, err
	}
	specs, _, err := hub.ListSpecs(ctx, namespace+"/")
	if err != nil {
		return 0, fmt.Errorf("count what namespace %s holds: %w", namespace, err)
	}
	return len(specs), nil
}

// meant finds what kubectl's delete is about to delete.
func (o *deleteOptions) meant(cmd *cobra.Command, args []string) ([]*resource.Info, error) {
	namespace, enforce, err := o.factory.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, err
	}
	files := &resource.FilenameOptions{Recursive: cmdutil.GetFlagBool(cmd, "recursive"), Kustomize: cmdutil.GetFlagString(cmd, "kustomize")}
	if files.Filenames, err = cmd.Flags().GetStringSlice("filename"); err != nil {
		return nil, err
	}
	return o.factory.NewBuilder().Unstructured().ContinueOnError().NamespaceParam(namespace).DefaultNamespace().
		FilenameParam(enforce, files).LabelSelectorParam(cmdutil.GetFlagString(cmd, "selector")).
		FieldSelectorParam(cmdutil.GetFlagString(cmd, "field-selector")).SelectAllParam(cmdutil.GetFlagBool(cmd, "all")).
		AllNamespaces(cmdutil.GetFlagBool(cmd, "all-namespaces")).ResourceTypeOrNameArgs(false, args...).
		RequireObject(false).Flatten().Do().Infos()
}
