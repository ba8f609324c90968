#!/usr/bin/env bash
# Makes a HyperPod instance a node of its cluster: LifeCycleConfig's OnCreate, or OnInitComplete. HyperPod runs it as root.
#
# What it is told is in lifecycle.json beside it. Steps run in the order that is written there, each at most once: run
# again, it goes on where it was. Its last line begins with "lifecycle: " and says how it ended; exit codes are those of
# LifecycleExit (ml_contract/clusters/steps.py). Nothing is downloaded.
set -euo pipefail

LIFECYCLE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LIFECYCLE
# shellcheck source=lib/places.sh
. "$LIFECYCLE/lib/places.sh"
# shellcheck source=lib/runner.sh
. "$LIFECYCLE/lib/runner.sh"

begin
lock
learn
run_steps
finish
