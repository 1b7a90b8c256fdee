package hub

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Federation reads federation.yaml. A layout newer than this release's is an
// error: what it means cannot be known.
func (s *Store) Federation(ctx context.Context) (*v1alpha1.Federation, error) {
	f := &v1alpha1.Federation{}
	w := own("federations", federationPath)
	gen, err := s.readYAML(ctx, w, federationPath, f)
	if err != nil {
		return nil, err
	}
	if f.Kind != "Federation" || f.APIVersion != v1alpha1.APIVersion || f.UID == "" {
		return nil, w.corrupt(federationPath, fmt.Errorf("want kind Federation of %s with a uid", v1alpha1.APIVersion))
	}
	if f.Spec.LayoutVersion > v1alpha1.LayoutVersion {
		return nil, w.corrupt(federationPath, fmt.Errorf("layout version %d is newer than this release's %d: upgrade this program",
			f.Spec.LayoutVersion, v1alpha1.LayoutVersion))
	}
	f.ResourceVersion = formatVersion(gen)
	return f, nil
}

// CreateFederation writes federation.yaml once.
func (s *Store) CreateFederation(ctx context.Context, f *v1alpha1.Federation) error {
	gen, err := s.writeFederation(ctx, f, IfAbsent())
	if err != nil {
		return own("federations", f.Name).creating(err)
	}
	f.ResourceVersion = formatVersion(gen)
	return nil
}

// UpdateFederation replaces federation.yaml if it is still at f's
// resourceVersion.
func (s *Store) UpdateFederation(ctx context.Context, f *v1alpha1.Federation) error {
	gen, err := parseVersion(f.ResourceVersion)
	if err != nil || gen == 0 {
		return apierrors.NewBadRequest("updating a federation needs its resourceVersion")
	}
	gen, err = s.writeFederation(ctx, f, IfGeneration(gen))
	if err != nil {
		return own("federations", f.Name).apiError(err)
	}
	f.ResourceVersion = formatVersion(gen)
	return nil
}

// DeleteFederation removes federation.yaml at that generation; 0 removes any.
// Without it nobody plans and nobody begins to lead.
func (s *Store) DeleteFederation(ctx context.Context, generation int64) error {
	return own("federations", federationPath).apiError(s.bucket.Delete(ctx, federationPath, generation))
}

func (s *Store) writeFederation(ctx context.Context, f *v1alpha1.Federation, when *int64) (int64, error) {
	stored := *f
	stored.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: "Federation"}
	stored.ResourceVersion = ""
	body, err := yaml.Marshal(stored)
	if err != nil {
		return 0, fmt.Errorf("encode federation: %w", err)
	}
	return s.bucket.Write(ctx, federationPath, body, WriteOptions{IfGeneration: when})
}

// Cluster reads one member.
func (s *Store) Cluster(ctx context.Context, name string) (*v1alpha1.Cluster, error) {
	if err := checkClusterName(name); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	c := &v1alpha1.Cluster{}
	w := own("clusters", name)
	gen, err := s.readYAML(ctx, w, clusterPath(name), c)
	if err != nil {
		return nil, err
	}
	return finishCluster(w, c, name, gen)
}

func finishCluster(w what, c *v1alpha1.Cluster, name string, gen int64) (*v1alpha1.Cluster, error) {
	if c.Kind != "Cluster" || c.APIVersion != v1alpha1.APIVersion || c.Name != name || c.UID == "" {
		return nil, w.corrupt(clusterPath(name), fmt.Errorf("want kind Cluster of %s named %q with a uid", v1alpha1.APIVersion, name))
	}
	c.ResourceVersion = formatVersion(gen)
	return c, nil
}

// Clusters reads every member, by name. One that cannot be read fails the
// call: a roster with a hole in it must not be planned from.
func (s *Store) Clusters(ctx context.Context) ([]v1alpha1.Cluster, error) {
	names, err := s.clusterNames(ctx)
	if err != nil {
		return nil, err
	}
	clusters, errs := make([]v1alpha1.Cluster, len(names)), make([]error, len(names))
	each(len(names), func(i int) {
		c, err := s.Cluster(ctx, names[i])
		if errs[i] = err; err == nil {
			clusters[i] = *c
		}
	})
	return clusters, errors.Join(errs...)
}

func (s *Store) clusterNames(ctx context.Context) ([]string, error) {
	var names []string
	for a, err := range s.bucket.List(ctx, clustersPrefix, "") {
		if err != nil {
			return nil, own("clusters", "").apiError(err)
		}
		if name, ok := clusterName(a.Key); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

func clusterName(path string) (string, bool) {
	name, ok := strings.CutSuffix(strings.TrimPrefix(path, clustersPrefix), yamlEnding)
	return name, ok && checkClusterName(name) == nil
}

// CreateCluster adds a member whose name is free.
func (s *Store) CreateCluster(ctx context.Context, c *v1alpha1.Cluster, p v1alpha1.Provenance) error {
	gen, err := s.writeCluster(ctx, c, p, IfAbsent())
	if err != nil {
		return own("clusters", c.Name).creating(err)
	}
	c.ResourceVersion = formatVersion(gen)
	return nil
}

// UpdateCluster replaces a member if it is still at c's resourceVersion.
func (s *Store) UpdateCluster(ctx context.Context, c *v1alpha1.Cluster, p v1alpha1.Provenance) error {
	gen, err := parseVersion(c.ResourceVersion)
	if err != nil || gen == 0 {
		return apierrors.NewBadRequest("updating a cluster needs its resourceVersion")
	}
	gen, err = s.writeCluster(ctx, c, p, IfGeneration(gen))
	if err != nil {
		return own("clusters", c.Name).apiError(err)
	}
	c.ResourceVersion = formatVersion(gen)
	return nil
}

func (s *Store) writeCluster(ctx context.Context, c *v1alpha1.Cluster, p v1alpha1.Provenance, when *int64) (int64, error) {
	if err := checkClusterName(c.Name); err != nil {
		return 0, apierrors.NewBadRequest(err.Error())
	}
	stored := *c
	stored.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: "Cluster"}
	stored.ResourceVersion, stored.Status = "", nil
	body, err := yaml.Marshal(stored)
	if err != nil {
		return 0, fmt.Errorf("encode cluster: %w", err)
	}
	return s.bucket.Write(ctx, clusterPath(c.Name), body, WriteOptions{IfGeneration: when, Metadata: metadata(p)})
}

// ClusterRecord tells who claims to have written a member last, and when.
func (s *Store) ClusterRecord(ctx context.Context, name string) (*v1alpha1.ClusterRecord, error) {
	if err := checkClusterName(name); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	w := own("clusters", name)
	for a, err := range s.bucket.List(ctx, clusterPath(name), "") {
		if err != nil {
			return nil, w.apiError(err)
		}
		if a.Key == clusterPath(name) {
			return &v1alpha1.ClusterRecord{Generation: a.Generation, Updated: a.Updated, Provenance: provenance(a.Metadata)}, nil
		}
	}
	return nil, w.apiError(ErrNotExist)
}

// DeleteCluster removes a member at that generation; 0 removes any.
func (s *Store) DeleteCluster(ctx context.Context, name string, generation int64) error {
	if err := checkClusterName(name); err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	return own("clusters", name).apiError(s.bucket.Delete(ctx, clusterPath(name), generation))
}
