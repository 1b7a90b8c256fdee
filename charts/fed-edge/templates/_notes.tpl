{{/* What people read after an install; a template, so that it can be tested without a cluster. */}}
{{- define "fed-edge.notes" -}}
{{ .Values.replicaCount }} edges called {{ .Values.name }}-0 and up serve the federation in {{ .Values.bucket }}.

Its Ingresses show {{ join ", " .Values.addresses }}. The Service must have that address:

  kubectl -n {{ .Release.Namespace }} get service {{ include "fed-edge.fullname" . }}

See them register, and what they serve:

  kubectl fed traffic get --bucket {{ .Values.bucket }}

If they do not, ask one:

  kubectl -n {{ .Release.Namespace }} logs {{ include "fed-edge.fullname" . }}-0

Their addresses stay those of every Ingress also when this release is uninstalled, until
they are unregistered.
{{- if not .Values.serviceAccount.annotations }}{{ if hasPrefix "gs://" .Values.bucket }}

The ServiceAccount carries no annotation. On GKE, let it reach the bucket through
workload identity: grant the roles of docs/edge.md to this ServiceAccount's
principal, or set serviceAccount.annotations to a Google service account that has them.
{{- end }}{{ end }}
{{- if hasPrefix "file://" .Values.bucket }}{{ if not .Values.extraVolumeMounts }}

WARNING: the bucket is a folder, but extraVolumeMounts is empty, so the edge's
read-only container does not have it. Set extraVolumes and extraVolumeMounts.
{{- end }}{{ end }}
{{- end }}
