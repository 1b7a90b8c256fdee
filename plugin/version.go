package plugin

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/version"
)

// versionOptions of `version`.
type versionOptions struct {
	*session
	clientOnly bool
	output     string
}

// versions is what `version` prints.
type versions struct {
	Client     clientVersion      `json:"clientVersion"`
	Federation *federationVersion `json:"federation,omitempty"`
}

type clientVersion struct {
	Version       string `json:"version"`
	Commit        string `json:"commit"`
	GoVersion     string `json:"goVersion"`
	Platform      string `json:"platform"`
	LayoutVersion int    `json:"layoutVersion"`
}

type federationVersion struct {
	Name          string `json:"name"`
	UID           string `json:"uid"`
	LayoutVersion int    `json:"layoutVersion"`
}

func newCmdVersion(s *session) *cobra.Command {
	o := &versionOptions{session: s}
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program and of the federation's layout",
		Args:  cobra.NoArgs,
		Run:   func(*cobra.Command, []string) { cmdutil.CheckErr(o.validate()); cmdutil.CheckErr(o.run()) },
	}
	cmd.Flags().BoolVar(&o.clientOnly, "client", false, "If true, shows the version of this program only, without asking the federation")
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "One of 'yaml' or 'json'")
	return cmd
}

func (o *versionOptions) validate() error {
	if o.output != "" && o.output != "json" && o.output != "yaml" {
		return fmt.Errorf("--output must be 'yaml' or 'json', not %q", o.output)
	}
	return nil
}

func (o *versionOptions) run() error {
	v := versions{Client: clientVersion{Version: version.Version, Commit: version.Commit, GoVersion: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, LayoutVersion: v1alpha1.LayoutVersion}}
	var err error
	if !o.clientOnly {
		v.Federation, err = o.federation()
	}
	if printErr := o.print(v); printErr != nil {
		return printErr
	}
	return err
}

func (o *versionOptions) federation() (*federationVersion, error) {
	_, f, err := o.Federation(o.ctx)
	if err != nil {
		return nil, err
	}
	return &federationVersion{Name: f.Name, UID: string(f.UID), LayoutVersion: f.Spec.LayoutVersion}, nil
}

func (o *versionOptions) print(v versions) error {
	var body []byte
	var err error
	switch o.output {
	case "json":
		body, err = json.MarshalIndent(v, "", "  ")
		body = append(body, '\n')
	case "yaml":
		body, err = yaml.Marshal(v)
	default:
		body = fmt.Appendf(nil, "Client Version: %s\n", version.String())
		if f := v.Federation; f != nil {
			body = fmt.Appendf(body, "Federation: %s (layout %d, uid %s)\n", f.Name, f.LayoutVersion, f.UID)
		}
	}
	if err != nil {
		return err
	}
	_, err = o.Out.Write(body)
	return err
}
