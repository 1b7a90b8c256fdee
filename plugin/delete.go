package plugin

import (
	"time"

	"github.com/spf13/cobra"
	cmddelete "k8s.io/kubectl/pkg/cmd/delete"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
)

// waitForDelete is how long delete waits for the members unless told otherwise.
const waitForDelete = 5 * time.Minute

// newCmdDelete is kubectl's delete.
func newCmdDelete(s *session, f cmdutil.Factory) *cobra.Command {
	cmd := cmddelete.NewCmdDelete(f, s.IOStreams)
	return cmd
}
