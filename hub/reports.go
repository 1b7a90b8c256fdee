package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// metaHeartbeat carries the heartbeat itself, so that listing reads them all.
const metaHeartbeat = "heartbeat"

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// PutHeartbeat overwrites a member's heartbeat if it is at that generation, or
// creates it when generation is 0. Conflict tells an agent that another one
// beats under its name.
func (s *Store) PutHeartbeat(ctx context.Context, hb *v1alpha1.Heartbeat, generation int64) (int64, error) {
	if err := checkClusterName(hb.Cluster); err != nil {
		return 0, apierrors.NewBadRequest(err.Error())
	}
	body, err := json.Marshal(hb)
	if err != nil {
		return 0, fmt.Errorf("encode heartbeat: %w", err)
	}
	gen, err := s.bucket.Write(ctx, heartbeatPath(hb.Cluster), body,
		WriteOptions{IfGeneration: IfGeneration(generation), Metadata: map[string]string{metaHeartbeat: string(body)}})
	return gen, own("heartbeats", hb.Cluster).apiError(err)
}

// Heartbeat reads one member's heartbeat and its generation.
func (s *Store) Heartbeat(ctx context.Context, cluster string) (*v1alpha1.Heartbeat, int64, error) {
	if err := checkClusterName(cluster); err != nil {
		return nil, 0, apierrors.NewBadRequest(err.Error())
	}
	hb := &v1alpha1.Heartbeat{}
	o, err := s.readJSON(ctx, own("heartbeats", cluster), heartbeatPath(cluster), hb)
	if err != nil {
		return nil, 0, err
	}
	return hb, o.Generation, nil
}

// Heartbeats reads every member's heartbeat in one listing. One that is
// corrupt is left out, and its cluster will be found silent.
func (s *Store) Heartbeats(ctx context.Context) (map[string]v1alpha1.Heartbeat, error) {
	return s.listBeats(ctx, "/heartbeat")
}

// Claims reads, in one listing, what agents said last that were refused their
// cluster's name. Who asked once and went away is in it too.
func (s *Store) Claims(ctx context.Context) (map[string]v1alpha1.Heartbeat, error) {
	return s.listBeats(ctx, "/claim")
}

// PutClaim leaves word of an agent that is refused its cluster's name.
func (s *Store) PutClaim(ctx context.Context, hb *v1alpha1.Heartbeat) error {
	if err := checkClusterName(hb.Cluster); err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	body, err := json.Marshal(hb)
	if err != nil {
		return fmt.Errorf("encode claim: %w", err)
	}
	_, err = s.bucket.Write(ctx, claimPath(hb.Cluster), body, WriteOptions{Metadata: map[string]string{metaHeartbeat: string(body)}})
	return own("claims", hb.Cluster).apiError(err)
}

func (s *Store) listBeats(ctx context.Context, name string) (map[string]v1alpha1.Heartbeat, error) {
	beats := map[string]v1alpha1.Heartbeat{}
	for a, err := range s.bucket.List(ctx, reportsPrefix, "") {
		if err != nil {
			return nil, own("heartbeats", "").apiError(err)
		}
		cluster, ok := strings.CutSuffix(strings.TrimPrefix(a.Key, reportsPrefix), name)
		if !ok {
			continue
		}
		hb := v1alpha1.Heartbeat{}
		if decodeJSON([]byte(a.Metadata[metaHeartbeat]), &hb) == nil && hb.Cluster == cluster {
			beats[cluster] = hb
		}
	}
	return beats, nil
}

// PutReport overwrites a member's report and returns its digest.
func (s *Store) PutReport(ctx context.Context, r *v1alpha1.Report) (string, error) {
	if err := checkClusterName(r.Cluster); err != nil {
		return "", apierrors.NewBadRequest(err.Error())
	}
	_, body, err := s.writeJSON(ctx, own("reports", r.Cluster), reportPath(r.Cluster), r, WriteOptions{})
	if err != nil {
		return "", err
	}
	return digest(body), nil
}

// Report reads a member's report and its digest.
func (s *Store) Report(ctx context.Context, cluster string) (*v1alpha1.Report, string, error) {
	if err := checkClusterName(cluster); err != nil {
		return nil, "", apierrors.NewBadRequest(err.Error())
	}
	r := &v1alpha1.Report{}
	w := own("reports", cluster)
	o, err := s.readJSON(ctx, w, reportPath(cluster), r)
	if err != nil {
		return nil, "", err
	}
	if r.Cluster != cluster {
		return nil, "", w.corrupt(reportPath(cluster), fmt.Errorf("it is cluster %q's", r.Cluster))
	}
	return r, digest(o.Body), nil
}
