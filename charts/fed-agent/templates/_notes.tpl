{{/* What people read after an install; a template, so that it can be tested without a cluster. */}}
{{- define "fed-agent.notes" -}}
Cluster {{ .Values.cluster.name }} now runs the federation agent for {{ .Values.bucket }}.

See it arrive (it says Never until the first heartbeat, then Ready):

  kubectl fed get clusters --bucket {{ .Values.bucket }}

If it stays Never or NotReady, ask the agent:

  kubectl -n {{ .Release.Namespace }} logs deploy/{{ include "fed-agent.fullname" . }}
{{- if not .Values.serviceAccount.annotations }}{{ if hasPrefix "gs://" .Values.bucket }}

The ServiceAccount carries no annotation. On GKE, let it reach the bucket through
workload identity: grant the roles of docs/agents-and-rbac.md to this
ServiceAccount's principal, or set serviceAccount.annotations to a Google service
account that has them.
{{- end }}{{ end }}
{{- if hasPrefix "file://" .Values.bucket }}{{ if not .Values.extraVolumeMounts }}

WARNING: the bucket is a folder, but extraVolumeMounts is empty, so the agent's
read-only container does not have it. Set extraVolumes and extraVolumeMounts to a
volume that all replicas share.
{{- end }}{{ end }}
{{- if .Values.rbac.secrets }}

This agent may read and write Secrets in every namespace (rbac.secrets).
{{- end }}
{{- if .Values.rbac.roles }}

This agent may write Roles and bindings (rbac.roles), within what it holds itself.
{{- end }}
{{- end }}
