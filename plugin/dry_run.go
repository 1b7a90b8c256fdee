package plugin

import (
	"errors"
	"strconv"

	"github.com/spf13/cobra"
)

// dryRun is --dry-run of a command that either acts or shows what it would do.
// kubectl's words are taken, too; "client" and "server" are the same here.
type dryRun bool

const (
	dryRunNone   = "none"
	dryRunClient = "client"
	dryRunServer = "server"
)

func addDryRun(cmd *cobra.Command, to *bool, usage string) {
	f := cmd.Flags().VarPF((*dryRun)(to), "dry-run", "", usage)
	f.NoOptDefVal = dryRunClient
	completeFixed(cmd, "dry-run", dryRunNone, dryRunClient, dryRunServer)
}

func (d *dryRun) String() string {
	if d == nil || !bool(*d) {
		return dryRunNone
	}
	return dryRunClient
}

func (d *dryRun) Set(text string) error {
	switch text {
	case dryRunNone:
		*d = false
	case dryRunClient, dryRunServer:
		*d = true
	default:
		yes, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New(`want "none", "client" or "server"; the last two only show`)
		}
		*d = dryRun(yes)
	}
	return nil
}

func (d *dryRun) Type() string { return "string" }
