{{/* What people read after an install; a template, so that it can be tested without a cluster. */}}
{{- define "fed-edge.notes" -}}
{{- if .Values.replicaCount }}
{{- include "fed-edge.notes.serving" . }}
{{- else }}
{{- include "fed-edge.notes.none" . }}
{{- end }}

The addresses of edges stay those of every Ingress also when they are scaled down or this
release is uninstalled, until each is unregistered, best before that:

  kubectl fed traffic unregister {{ .Values.name }}-0 --bucket {{ .Values.bucket }}
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

{{- define "fed-edge.notes.serving" -}}
{{- $last := printf "%s-%d" .Values.name (sub (int .Values.replicaCount) 1) -}}
{{ if eq (int .Values.replicaCount) 1 }}The edge {{ $last }} serves{{ else }}The edges {{ .Values.name }}-0 to {{ $last }} serve{{ end }} the federation in {{ .Values.bucket }}.

Its Ingresses show {{ join ", " .Values.addresses }}. Clients must reach this Service there:

  kubectl -n {{ .Release.Namespace }} get service {{ include "fed-edge.fullname" . }}

See them register, and what they serve:

  kubectl fed traffic edges --bucket {{ .Values.bucket }}
  kubectl fed traffic get --bucket {{ .Values.bucket }}

If they do not, ask one:

  kubectl -n {{ .Release.Namespace }} logs {{ include "fed-edge.fullname" . }}-0
{{- end }}

{{- define "fed-edge.notes.none" -}}
No edge runs (replicaCount is 0). See which address the Service is given:

  kubectl -n {{ .Release.Namespace }} get service {{ include "fed-edge.fullname" . }} --watch

Then start edges that are reached there:

  helm upgrade {{ .Release.Name }} CHART -n {{ .Release.Namespace }} --reuse-values \
    --set replicaCount=2 --set 'addresses={ADDRESS}'
{{- end }}
