{{/* prefix begins each name, as namePrefix does in config/default. */}}
{{- define "itwin.prefix" -}}
{{- $prefix := .Values.fullnameOverride | default .Release.Name -}}
{{- if not (or .Values.fullnameOverride (contains .Chart.Name $prefix)) -}}
{{- $prefix = printf "%s-%s" $prefix .Chart.Name | trunc 28 | trimSuffix "-" -}}
{{- end -}}
{{- if gt (len $prefix) 28 -}}
{{- fail (printf "names begin with %q, which is longer than 28 characters: set fullnameOverride" $prefix) -}}
{{- end -}}
{{- $prefix -}}
{{- end -}}

{{/* image, by digest where it is known, as it is in a released chart. */}}
{{- define "itwin.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* selector tells the pods of this release from others. Several shards in a namespace differ in the last label. */}}
{{- define "itwin.selector" -}}
app.kubernetes.io/name: itwin-webhook-operator
control-plane: controller-manager
{{- with .Values.shard.name }}
itwin.webhook-operator.io/shard: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* object gives an object of config the names and the namespace of the release, as kustomize gives those of config/default. */}}
{{- define "itwin.object" -}}
{{- $prefix := include "itwin.prefix" .root -}}
{{- $namespace := .root.Release.Namespace -}}
{{- $object := .file | toString | fromYaml -}}
{{- $_ := set $object.metadata "name" (printf "%s-%s" $prefix $object.metadata.name) -}}
{{- with .root.Values.shard.name }}
{{- $_ := set $object.metadata "labels" (merge (dict "itwin.webhook-operator.io/shard" (toString .)) ($object.metadata.labels | default dict)) }}
{{- end -}}
{{- if hasKey $object.metadata "namespace" }}{{ $_ := set $object.metadata "namespace" $namespace }}{{ end -}}
{{- with $object.roleRef }}{{ $_ := set . "name" (printf "%s-%s" $prefix .name) }}{{ end -}}
{{- range $object.subjects }}
{{- $_ := set . "name" (printf "%s-%s" $prefix .name) }}{{ $_ := set . "namespace" $namespace }}
{{- end -}}
---
{{ toYaml $object }}
{{ end -}}

{{/* renamed gives manifests of config whose names are complete the names and the namespace of the release. */}}
{{- define "itwin.renamed" -}}
{{- $prefix := printf "%s-" (include "itwin.prefix" .root) -}}
{{- .text | toString | replace "itwin-webhook-operator-system" "$(namespace)" | replace "itwin-webhook-operator-" $prefix | replace "$(namespace)" .root.Release.Namespace -}}
{{- end -}}
