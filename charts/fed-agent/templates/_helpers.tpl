{{/* Chart name. */}}
{{- define "fed-agent.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Full name: the release's, with the chart's where it does not say so already. */}}
{{- define "fed-agent.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* Name of cluster-scoped objects: two releases of one name in two namespaces do not meet. */}}
{{- define "fed-agent.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "fed-agent.fullname" .) }}
{{- end }}

{{- define "fed-agent.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "fed-agent.labels" -}}
helm.sh/chart: {{ include "fed-agent.chart" . }}
{{ include "fed-agent.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "fed-agent.selectorLabels" -}}
app.kubernetes.io/name: {{ include "fed-agent.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "fed-agent.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "fed-agent.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is required when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "fed-agent.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default (printf "v%s" .Chart.AppVersion) .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* What server-side apply, watching and tombstones need; neither update nor deletecollection. */}}
{{- define "fed-agent.memberVerbs" -}}
[get, list, watch, create, patch, delete]
{{- end }}
