package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// deleteMissing confirms that specs which are gone from the bucket, though
// nobody deleted them, were meant to go.
func (o *deleteOptions) deleteMissing(ctx context.Context, cmd *cobra.Command, args []string) error {
	policy, err := cascade(cmdutil.GetFlagString(cmd, "cascade"))
	if err != nil {
		return err
	}
	hub, _, err := o.Federation(ctx)
	if err != nil {
		return err
	}
	keys, err := heldFor(ctx, hub, v1alpha1.HeldVanished)
	if err != nil {
		return err
	}
	if len(args) > 0 {
		if keys, err = o.namedMissing(keys, args); err != nil {
			return err
		}
	}
	if len(keys) == 0 {
		fmt.Fprintln(o.ErrOut, "Nothing is missing.")
		return nil
	}
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = "  " + display(k)
	}
	dryRun, err := cmdutil.GetDryRunStrategy(cmd)
	if err != nil {
		return err
	}
	if dryRun != cmdutil.DryRunNone {
		for _, k := range keys {
			fmt.Fprintf(o.Out, "%s/%s deletion confirmed (%s)\n", k.GroupResource(), k.Name, dryRunText(dryRun))
		}
		return nil
	}
	if err := o.confirm(o.yes, fmt.Sprintf("this deletes in every member what is missing from the bucket:\n%s\n%s", strings.Join(list, "\n"), objects(len(keys)))); err != nil {
		return err
	}
	uids, err := uidsOf(ctx, hub, keys)
	if err != nil {
		return err
	}
	if err := o.say(ctx, hub, &v1alpha1.Request{Type: v1alpha1.RequestDeleteMissing, Keys: keys, UIDs: uids, Propagation: policy}); err != nil {
		return err
	}
	for _, k := range keys {
		fmt.Fprintf(o.Out, "%s/%s deletion confirmed\n", k.GroupResource(), k.Name)
	}
	return nil
}

// dryRunText is what kubectl puts behind what it would have done.
func dryRunText(strategy cmdutil.DryRunStrategy) string {
	if strategy == cmdutil.DryRunServer {
		return "server dry run"
	}
	return "dry run"
}

func objects(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

func (o *deleteOptions) namedMissing(missing []v1alpha1.Key, args []string) ([]v1alpha1.Key, error) {
	keys, err := keysOf(o.factory, args)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if !slices.Contains(missing, k) {
			return nil, fmt.Errorf("%s is not missing: the leader holds no object of that name whose spec vanished", display(k))
		}
	}
	return keys, nil
}

// cascade reads kubectl's --cascade.
func cascade(flag string) (v1alpha1.Propagation, error) {
	switch flag {
	case "", "background", "true":
		return v1alpha1.PropagationBackground, nil
	case "foreground":
		return v1alpha1.PropagationForeground, nil
	case "orphan", "false":
		return v1alpha1.PropagationOrphan, nil
	}
	return "", fmt.Errorf(`invalid cascade value (%s). Must be "background", "foreground", or "orphan"`, flag)
}
