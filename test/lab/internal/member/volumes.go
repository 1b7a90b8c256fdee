package member

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

const (
	storageClass = "standard"
	provisioner  = "lab.kubectl-fed.io/none"

	defaultClass  = "storageclass.kubernetes.io/is-default-class"
	wantedFrom    = "volume.kubernetes.io/storage-provisioner" // set on a claim by the volume binder
	provisionedBy = "pv.kubernetes.io/provisioned-by"
)

// volumes is the cluster's storage provider: every claim of the default class
// gets a volume, which holds nothing, and goes with its claim.
type volumes struct {
	client  kubernetes.Interface
	claims  corelisters.PersistentVolumeClaimLister
	volumes corelisters.PersistentVolumeLister
}

func createStorageClass(ctx context.Context, client kubernetes.Interface) error {
	class := &storagev1.StorageClass{
		ObjectMeta:  metav1.ObjectMeta{Name: storageClass, Annotations: map[string]string{defaultClass: "true"}},
		Provisioner: provisioner,
	}
	_, err := client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create storage class: %w", err)
	}
	return nil
}

func runVolumes(ctx context.Context, client kubernetes.Interface) error {
	factory := informers.NewSharedInformerFactory(client, 0)
	claims, vols := factory.Core().V1().PersistentVolumeClaims(), factory.Core().V1().PersistentVolumes()
	v := &volumes{client: client, claims: claims.Lister(), volumes: vols.Lister()}
	fill, empty := newLoop(v.provide), newLoop(v.reclaim)
	if err := errors.Join(fill.watch(claims.Informer()), empty.watch(vols.Informer())); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	go empty.run(ctx)
	fill.run(ctx)
	return nil
}

// provide makes the volume that a claim waits for; the binder binds them.
func (v *volumes) provide(ctx context.Context, key cache.ObjectName) error {
	c, err := v.claims.PersistentVolumeClaims(key.Namespace).Get(key.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get claim: %w", err)
	}
	waits := c.Annotations[wantedFrom] == provisioner && c.Spec.StorageClassName != nil
	if !waits || c.Spec.VolumeName != "" || c.DeletionTimestamp != nil {
		return nil
	}
	_, err = v.client.CoreV1().PersistentVolumes().Create(ctx, volumeFor(c), metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create volume: %w", err)
	}
	return nil
}

func volumeFor(c *corev1.PersistentVolumeClaim) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:        "pvc-" + string(c.UID),
			Annotations: map[string]string{provisionedBy: provisioner},
		},
		Spec: corev1.PersistentVolumeSpec{
			StorageClassName:              *c.Spec.StorageClassName,
			AccessModes:                   c.Spec.AccessModes,
			VolumeMode:                    c.Spec.VolumeMode,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: c.Spec.Resources.Requests[corev1.ResourceStorage]},
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			PersistentVolumeSource:        corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/dev/null"}},
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: c.Namespace, Name: c.Name, UID: c.UID,
			},
		},
	}
}

// reclaim deletes a volume whose claim is gone.
func (v *volumes) reclaim(ctx context.Context, key cache.ObjectName) error {
	p, err := v.volumes.Get(key.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get volume: %w", err)
	}
	ours := p.Annotations[provisionedBy] == provisioner && p.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete
	if !ours || p.Status.Phase != corev1.VolumeReleased || p.DeletionTimestamp != nil {
		return nil
	}
	if err := v.client.CoreV1().PersistentVolumes().Delete(ctx, p.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete volume: %w", err)
	}
	return nil
}
