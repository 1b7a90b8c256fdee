package plugin

import (
	"slices"

	"github.com/spf13/pflag"
)

// legacyFlags takes kubefed's flags that mean nothing here: each is accepted
// and warned about, so that old scripts go on working.
type legacyFlags struct {
	set   *pflag.FlagSet
	names []string
}

func addLegacyFlags(set *pflag.FlagSet, names ...string) legacyFlags {
	for _, name := range names {
		set.String(name, "", "Accepted for kubefed's sake, without effect")
		flag := set.Lookup(name)
		flag.Hidden = true
		if slices.Contains(kubefedSwitches, name) {
			flag.NoOptDefVal = "true"
		}
	}
	return legacyFlags{set, names}
}

// kubefedCommon are those of all of kubefed's commands.
var kubefedCommon = []string{"host-cluster-context", "federation-system-namespace", "credentials-kubeconfig"}

// kubefedSwitches are those that stand without a value.
var kubefedSwitches = []string{"etcd-persistent-storage", "apiserver-enable-basic-auth", "apiserver-enable-token-auth"}

func (l legacyFlags) warn(s *session) {
	l.set.Visit(func(f *pflag.Flag) {
		if slices.Contains(l.names, f.Name) {
			s.warn("--%s has no effect: a federation has no control plane that runs in a host cluster", f.Name)
		}
	})
}
