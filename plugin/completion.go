package plugin

import (
	"fmt"

	"github.com/spf13/cobra"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"
)

func newCmdCompletion(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print the code that completes this command in a shell (bash, zsh, fish, powershell)",
		Long: templates.LongDesc(`
			Print the code that completes kubectl-fed in a shell: bash, zsh, fish or powershell.

			For kubectl itself to complete "kubectl fed", put an executable named
			kubectl_complete-fed on the PATH that holds:

			    #!/bin/sh
			    exec kubectl-fed __complete "$@"`),
		Example:   "  # Complete kubectl-fed in this shell\n  source <(kubectl-fed completion bash)",
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Run: func(cmd *cobra.Command, args []string) {
			if len(args) != 1 {
				cmdutil.CheckErr(cmdutil.UsageErrorf(cmd, "Shell not specified, or more than one."))
			}
			cmdutil.CheckErr(completion(s, cmd.Root(), args[0]))
		},
	}
}

func completion(s *session, root *cobra.Command, shell string) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(s.Out, true)
	case "zsh":
		return root.GenZshCompletion(s.Out)
	case "fish":
		return root.GenFishCompletion(s.Out, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(s.Out)
	}
	return fmt.Errorf("unsupported shell type %q: want bash, zsh, fish or powershell", shell)
}
