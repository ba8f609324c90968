#!/usr/bin/env bash
# Writes the cluster's nodes into /etc/hosts.
set -euo pipefail

LIFECYCLE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/places.sh
. "$LIFECYCLE/lib/places.sh"
# shellcheck source=../lib/tools.sh
. "$LIFECYCLE/lib/tools.sh"

lines=$(node hosts)
block /etc/hosts <<<"$lines"
