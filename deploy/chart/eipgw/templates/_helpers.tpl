{{- /*
SPDX-License-Identifier: GPL-3.0-or-later
SPDX-FileCopyrightText: The eipgw authors

Names are fixed: two agents on a node would fight for its kernel, so a second release must collide.
*/ -}}

{{- define "eipgw.labels" -}}
app.kubernetes.io/part-of: eipgw
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "eipgw.image" -}}
{{- $image := .Values.image -}}
{{- $name := required "image.repository: name the repository where you have put the image, such as REGISTRY/eipgw-noded" $image.repository -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end }}

{{- /* node.json: what the user says, and that policies are Kubernetes' objects. */ -}}
{{- define "eipgw.config" -}}
{{- $config := .Values.config | default dict -}}
{{- if not (hasKey $config "always_excluded") -}}
{{- fail "config.always_excluded: name the ranges that no policy is about: the VPC's, peered networks', the cluster's services', such as [10.0.0.0/16, 172.20.0.0/16]" -}}
{{- end -}}
{{- merge (dict "source" "kubernetes") $config | toPrettyJson -}}
{{- end }}

{{- /*
The objects of a manifest that is also applied without Helm, as this release's: (dict "root" $ "file" NAME "only" KINDS);
without "only" all of them.
*/ -}}
{{- define "eipgw.manifest" -}}
{{- $root := .root -}}
{{- $only := .only -}}
{{- range $text := regexSplit "(?m)^---$" ($root.Files.Get .file) -1 -}}
{{- $object := fromYaml $text -}}
{{- if or (not $only) (has $object.kind $only) -}}
{{- $metadata := $object.metadata -}}
{{- $_ := set $metadata "labels" (merge (include "eipgw.labels" $root | fromYaml) (default dict $metadata.labels)) -}}
{{- $annotations := deepCopy $root.Values.annotations -}}
{{- if eq $object.kind "CustomResourceDefinition" -}}
{{- $_ := set $annotations "helm.sh/resource-policy" "keep" -}}
{{- else if eq $object.kind "ServiceAccount" -}}
{{- $annotations = merge (deepCopy $root.Values.serviceAccount.annotations) $annotations -}}
{{- end -}}
{{- with $annotations -}}{{- $_ := set $metadata "annotations" . -}}{{- end -}}
{{- if $metadata.namespace -}}{{- $_ := set $metadata "namespace" $root.Release.Namespace -}}{{- end -}}
{{- range $subject := $object.subjects -}}
{{- if eq $subject.kind "Group" -}}
{{- $_ := set $subject "name" $root.Values.gateways.group -}}
{{- else -}}
{{- $_ := set $subject "namespace" $root.Release.Namespace -}}
{{- end -}}
{{- end }}
---
{{ toYaml $object }}
{{ end -}}
{{- end -}}
{{- end }}

{{- /* The agent as a container: (dict "root" $ "name" NAME "args" LIST "probe" BOOL) */ -}}
{{- define "eipgw.container" -}}
{{- $values := .root.Values -}}
name: {{ .name }}
image: {{ include "eipgw.image" .root }}
imagePullPolicy: {{ $values.image.pullPolicy }}
args: {{ toJson .args }}
env:
- name: NODE_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
- name: HOST_IP
  valueFrom: {fieldRef: {fieldPath: status.hostIP}}
securityContext:
  # User 0, since Kubernetes gives capabilities to no other; all that it may do is in NET_ADMIN.
  runAsUser: 0
  runAsGroup: 0
  capabilities: {drop: [ALL], add: [NET_ADMIN]}
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  seccompProfile: {type: RuntimeDefault}
{{- with $values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .probe }}
# The daemon answers while its loop turns; the API server and the gateways don't matter for that.
livenessProbe:
  exec: {command: [eipgw, status, --socket, /run/eipgw/node.sock]}
  periodSeconds: 30
  timeoutSeconds: 5
readinessProbe:
  exec: {command: [eipgw, status, --ready, --socket, /run/eipgw/node.sock]}
  periodSeconds: 10
  timeoutSeconds: 5
{{- end }}
volumeMounts:
- {name: config, mountPath: /etc/eipgw, readOnly: true}
- {name: run, mountPath: /run/eipgw}
{{- end }}
