package plugin

import (
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/cmd/annotate"
	"k8s.io/kubectl/pkg/cmd/apiresources"
	"k8s.io/kubectl/pkg/cmd/apply"
	"k8s.io/kubectl/pkg/cmd/create"
	"k8s.io/kubectl/pkg/cmd/edit"
	"k8s.io/kubectl/pkg/cmd/get"
	"k8s.io/kubectl/pkg/cmd/label"
	"k8s.io/kubectl/pkg/cmd/options"
	"k8s.io/kubectl/pkg/cmd/patch"
	"k8s.io/kubectl/pkg/cmd/replace"
	"k8s.io/kubectl/pkg/cmd/scale"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/cmd/wait"
	utilcomp "k8s.io/kubectl/pkg/util/completion"
	"k8s.io/kubectl/pkg/util/templates"
)

// newRoot is the command line. name is how it calls itself in its texts.
func newRoot(s *session, name string) *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-fed",
		Short: "Run many Kubernetes clusters as one",
		Long: templates.LongDesc(`
			Run many Kubernetes clusters as one federation.

			A federation is a bucket: manifests go into it, every member cluster's agent
			takes its part out of it and reports back. The bucket is named by --bucket, by
			` + envBucket + `, or by the kubeconfig context that init writes.`),
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: name},
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	s.addFlags(root.PersistentFlags())
	f := newFactory(s)
	groups := commandGroups(s, f)
	groups.Add(root)
	root.AddCommand(newCmdVersion(s), newCmdCompletion(s), options.NewCmdOptions(s.Out))
	templates.ActsAsRootCommand(root, nil, groups...)
	root.SuggestionsMinimumDistance = 2
	wrongFlag := root.FlagErrorFunc()
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if cmd == root && root.Flags().NArg() > 0 { // the flags of a command that we do not have
			return unknownCommand(root, root.Flags().Arg(0))
		}
		return wrongFlag(cmd, err)
	})
	speakAs(root, name)
	return root
}

func unknownCommand(cmd *cobra.Command, word string) error {
	text := "unknown command " + word
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return cmdutil.UsageErrorf(cmd, "%s", text)
}

func commandGroups(s *session, f cmdutil.Factory) templates.CommandGroups {
	getCmd := get.NewCmdGet("kubectl", f, s.IOStreams)
	getCmd.ValidArgsFunction = utilcomp.ResourceTypeAndNameCompletionFunc(f)
	return templates.CommandGroups{
		{Message: "Federation Commands:", Commands: []*cobra.Command{
			newCmdInit(s), newCmdJoin(s), newCmdUnjoin(s), newCmdCordon(s), newCmdUncordon(s), newCmdDrain(s),
			newCmdTraffic(s), newCmdApprove(s, f), newCmdRecover(s, f), newCmdDestroy(s)}},
		{Message: "Planning Commands:", Commands: []*cobra.Command{newCmdPlan(s), newCmdWhy(s, f), newCmdRebalance(s, f)}},
		{Message: "Object Commands:", Commands: []*cobra.Command{
			checked(s, withoutToken(create.NewCmdCreate(f, s.IOStreams))),
			checked(s, clientSide(apply.NewCmdApply("kubectl", f, s.IOStreams))),
			getCmd,
			edit.NewCmdEdit(f, s.IOStreams),
			scale.NewCmdScale(f, s.IOStreams),
			newCmdRollout(s, f),
			newCmdDescribe(s, f),
			newCmdDelete(s, f),
			patch.NewCmdPatch(f, s.IOStreams),
			checked(s, replace.NewCmdReplace(f, s.IOStreams)),
			label.NewCmdLabel(f, s.IOStreams),
			annotate.NewCmdAnnotate("kubectl", f, s.IOStreams),
			wait.NewCmdWait(f, s.IOStreams),
			apiresources.NewCmdAPIResources(f, s.IOStreams),
		}},
	}
}

// checked makes a command of kubectl's read its -f through us first.
func checked(s *session, cmd *cobra.Command) *cobra.Command {
	inner := cmd.Run
	cmd.Run = func(cmd *cobra.Command, args []string) {
		cmdutil.CheckErr(s.checkInput(cmd))
		inner(cmd, args)
	}
	return cmd
}

// withoutToken drops the subcommand that only one cluster can answer.
func withoutToken(cmd *cobra.Command) *cobra.Command {
	for _, sub := range cmd.Commands() {
		if sub.Name() == "token" {
			cmd.RemoveCommand(sub)
		}
	}
	return cmd
}

// clientSide keeps apply from asking for schemas that a federation does not serve.
func clientSide(cmd *cobra.Command) *cobra.Command {
	if flag := cmd.Flags().Lookup("openapi-patch"); flag != nil {
		flag.DefValue, flag.Hidden = "false", true
		_ = flag.Value.Set("false") // a constant that parses
	}
	return cmd
}

// speakAs puts our name into kubectl's texts.
func speakAs(cmd *cobra.Command, name string) {
	replace := func(text string) string {
		lines := strings.Split(text, "\n")
		for i, l := range lines {
			if !strings.Contains(l, name) {
				lines[i] = strings.ReplaceAll(l, "kubectl ", name+" ")
			}
		}
		return strings.Join(lines, "\n")
	}
	cmd.Example, cmd.Long = replace(cmd.Example), replace(cmd.Long)
	for _, sub := range cmd.Commands() {
		speakAs(sub, name)
	}
}
