package hub

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// FederationStatus reads what the leader says of the whole.
func (s *Store) FederationStatus(ctx context.Context) (*v1alpha1.FederationStatus, error) {
	st := &v1alpha1.FederationStatus{}
	_, err := s.readJSON(ctx, own("federations", "status"), federationStatusPath, st)
	if err != nil {
		return nil, err
	}
	return st, nil
}

// PutFederationStatus overwrites it. Only the leader writes status.
func (s *Store) PutFederationStatus(ctx context.Context, st *v1alpha1.FederationStatus) error {
	_, _, err := s.writeJSON(ctx, own("federations", "status"), federationStatusPath, st, WriteOptions{})
	return err
}

// ClusterStatuses reads the status of every member that has one.
func (s *Store) ClusterStatuses(ctx context.Context) (map[string]v1alpha1.ClusterStatus, error) {
	all, err := readAll[v1alpha1.ClusterStatus](ctx, s, own("clusters", "status"), clusterStatusPrefix)
	if err != nil {
		return nil, err
	}
	statuses := map[string]v1alpha1.ClusterStatus{}
	for stem, st := range all {
		if st.Cluster == stem {
			statuses[stem] = st
		}
	}
	return statuses, nil
}

// PutClusterStatus overwrites one member's status.
func (s *Store) PutClusterStatus(ctx context.Context, st *v1alpha1.ClusterStatus) error {
	if err := checkClusterName(st.Cluster); err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	_, _, err := s.writeJSON(ctx, own("clusters", st.Cluster), clusterStatusPath(st.Cluster), st, WriteOptions{})
	return err
}

// DeleteClusterStatus removes one member's status.
func (s *Store) DeleteClusterStatus(ctx context.Context, name string) error {
	if err := checkClusterName(name); err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	return own("clusters", name).apiError(s.bucket.Delete(ctx, clusterStatusPath(name), 0))
}

// ObjectStatus reads one object's status.
func (s *Store) ObjectStatus(ctx context.Context, k v1alpha1.Key) (*v1alpha1.ObjectStatus, error) {
	if err := k.Validate(); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	st := &v1alpha1.ObjectStatus{}
	w, path := ofKey(k), objectStatusPath(k)
	if _, err := s.readJSON(ctx, w, path, st); err != nil {
		return nil, err
	}
	if st.Key != k {
		return nil, w.corrupt(path, fmt.Errorf("it is the status of %s", st.Key))
	}
	return st, nil
}

// ObjectStatuses reads the statuses whose key begins with prefix, such as
// "default/deployments.apps/".
func (s *Store) ObjectStatuses(ctx context.Context, prefix string) (map[v1alpha1.Key]v1alpha1.ObjectStatus, error) {
	all, err := readAll[v1alpha1.ObjectStatus](ctx, s, own("specs", "status"), objectStatusPrefix+prefix)
	if err != nil {
		return nil, err
	}
	statuses := map[v1alpha1.Key]v1alpha1.ObjectStatus{}
	for stem, st := range all {
		if prefix+stem == st.Key.String() {
			statuses[st.Key] = st
		}
	}
	return statuses, nil
}

// PutObjectStatus overwrites one object's status.
func (s *Store) PutObjectStatus(ctx context.Context, st *v1alpha1.ObjectStatus) error {
	if err := st.Key.Validate(); err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	_, _, err := s.writeJSON(ctx, ofKey(st.Key), objectStatusPath(st.Key), st, WriteOptions{})
	return err
}

// DeleteObjectStatus removes one object's status.
func (s *Store) DeleteObjectStatus(ctx context.Context, k v1alpha1.Key) error {
	if err := k.Validate(); err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	return ofKey(k).apiError(s.bucket.Delete(ctx, objectStatusPath(k), 0))
}

// Verdicts reads what the last leader held; none is an empty one.
func (s *Store) Verdicts(ctx context.Context) (*v1alpha1.Verdicts, error) {
	v := &v1alpha1.Verdicts{}
	_, err := s.readJSON(ctx, own("verdicts", "leader"), verdictsPath, v)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, err
	}
	return v, nil
}

// PutVerdicts overwrites them. Only the leader does.
func (s *Store) PutVerdicts(ctx context.Context, v *v1alpha1.Verdicts) error {
	_, _, err := s.writeJSON(ctx, own("verdicts", "leader"), verdictsPath, v, WriteOptions{})
	return err
}

// readAll reads every JSON document below prefix, keyed by what follows the
// prefix without the ending. What is corrupt or gone meanwhile is left out:
// the leader writes it again.
func readAll[T any](ctx context.Context, s *Store, w what, prefix string) (map[string]T, error) {
	var stems []string
	for a, err := range s.bucket.List(ctx, prefix, "") {
		if err != nil {
			return nil, w.apiError(err)
		}
		if stem, ok := strings.CutSuffix(strings.TrimPrefix(a.Key, prefix), jsonEnding); ok {
			stems = append(stems, stem)
		}
	}
	values, errs := make([]T, len(stems)), make([]error, len(stems))
	each(len(stems), func(i int) {
		_, errs[i] = s.readJSON(ctx, w, prefix+stems[i]+jsonEnding, &values[i])
	})
	all := map[string]T{}
	for i, stem := range stems {
		switch err := errs[i]; {
		case err == nil:
			all[stem] = values[i]
		case apierrors.IsNotFound(err) || apierrors.IsInvalid(err):
		default:
			return nil, err
		}
	}
	return all, nil
}
