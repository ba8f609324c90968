#!/usr/bin/env bash
# Whose account a stage of an assembly is for, as outputs of a step: identity, region, lookup. The assembly alone says it.
set -euo pipefail
manifest="$1/assembly-$2/manifest.json"
lookup=$(jq --exit-status --raw-output '[.artifacts[].properties.lookupRole.arn // empty][0]' "$manifest")
region=$(jq --exit-status --raw-output '[.artifacts[].environment // empty][0] | split("/")[-1]' "$manifest")
case "$region" in
  cn-*) partition=aws-cn ;;
  us-gov-*) partition=aws-us-gov ;;
  *) partition=aws ;;
esac
# The assembly leaves the partition open: arn:${AWS::Partition}:iam::…
lookup="arn:$partition:${lookup#*\}:}"
echo "identity=${lookup%%:role/*}"
echo "region=$region"
echo "lookup=$lookup"
