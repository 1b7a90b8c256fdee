package cli

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func (a *app) status() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "List the lab's clusters",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := a.lab(cmd)
			if err != nil {
				return err
			}
			ctx, stop := interruptible()
			defer stop()
			all, err := l.Status(ctx)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				cmd.PrintErrf("No clusters in %s.\n", a.dir)
				return nil
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 3, ' ', 0)
			_, _ = fmt.Fprintln(w, "NAME\tSTATE\tPID\tSERVER")
			for _, s := range all {
				pid := "<none>"
				if s.PID != 0 {
					pid = fmt.Sprint(s.PID)
				}
				_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Name, s.State, pid, s.Server())
			}
			return w.Flush()
		},
	}
}

func (a *app) discovery() *cobra.Command {
	return &cobra.Command{
		Use:   "discovery NAME",
		Short: "Print what a cluster's API server serves, as JSON: {core, groups}",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := a.lab(cmd)
			if err != nil {
				return err
			}
			clusters, err := l.Find(args[0])
			if err != nil {
				return err
			}
			ctx, stop := interruptible()
			defer stop()
			d, err := l.Discover(ctx, clusters[0])
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(d)
		},
	}
}
