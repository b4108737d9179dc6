{{- define "rerank.name" -}}
{{- printf "%s" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- define "rerank.labels" -}}
app.kubernetes.io/name: rerank
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}
