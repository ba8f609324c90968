#!/usr/bin/env bash
# Runs one step, in a process of its own: step.sh NAME FINISHED. The file FINISHED has something in it at the step's very
# end, so that one that ends before is told from one that is done.
set -Eeuo pipefail
shopt -s inherit_errexit
# The run's lock is its own and timeout's: what a step leaves behind must not keep the next run waiting.
exec 9>&-

# shellcheck source=lib/places.sh
. "$LIFECYCLE/lib/places.sh"
# shellcheck source=lib/tools.sh
. "$LIFECYCLE/lib/tools.sh"
# shellcheck source=lib/services.sh
. "$LIFECYCLE/lib/services.sh"

# What bash was about to do, as it stands in the script: values, and so secrets, are not in it.
told() {
  if [[ ! -s $LIFECYCLE_REASON ]]; then
    printf '%s: exit code %s' "${2%%$'\n'*}" "$1" >"$LIFECYCLE_REASON"
  fi
}
trap 'told $? "$BASH_COMMAND"' ERR

# timeout has made a group of its own, with its number: for the run that comes after one that was killed.
printf '%s\n' "$PPID" >"$RUNNING/group"
# shellcheck source=/dev/null
. "$LIFECYCLE/steps/$1.sh"
run
printf 'finished\n' >"$2"
