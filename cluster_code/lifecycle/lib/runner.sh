# The run as a whole: one at a time, each step within its time, and an end that says which it was.
# shellcheck shell=bash

# shellcheck source=lib/ending.sh
. "$LIFECYCLE/lib/ending.sh"

EXIT_CONFIGURATION=64
EXIT_STEP_FAILED=65
EXIT_STEP_TOO_LONG=66
EXIT_STEP_CUT_OFF=67
EXIT_ANOTHER_RUN=68
EXIT_STATE_NOT_KEPT=69
EXIT_INTERRUPTED=143
# Longer than a step that was orphaned by a kill may go on.
LOCK_WAIT=${LIFECYCLE_LOCK_WAIT:-330}
# Seconds between the order to end and the end; ml_contract/clusters/steps.py counts with them.
GRACE=${LIFECYCLE_GRACE:-10}

STEP=
CHILD=
NODE_TYPE=
INSTANCE_NAME=
INSTANCE_ID=
GROUP=
LINGER=0
PLAN=
declare -A SUMS=()
STEPS=0
RAN=0
OWNED=false

begin() {
  umask 022
  # HyperPod may start this with a short one; Slurm's own is in no standard place.
  export PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$SLURM/bin:$SLURM/sbin
  export LIFECYCLE_REASON=$RUNNING/reason
  seconds STARTED
  speak
  trap 'ended $?' EXIT
  trap 'interrupted' TERM INT HUP
  local program why
  for program in python3 flock setpriv timeout sha256sum; do
    command -v "$program" >/dev/null || fail "$EXIT_CONFIGURATION" "the image lacks $program, which every run needs"
  done
  why=$(mkdir -p "$STATE/steps" "$RUNNING" 2>&1) || fail "$EXIT_STATE_NOT_KEPT" "no run can begin: ${why##*: }"
}

# The next run waits until the step of one that was killed is gone too: timeout, which ends it, has the lock as well.
lock() {
  { exec 9>"$STATE/lock"; } 2>/dev/null || fail "$EXIT_STATE_NOT_KEPT" "no run can begin: $STATE cannot be written"
  patiently flock --wait "$LOCK_WAIT" 9 || fail "$EXIT_ANOTHER_RUN" "another run has held the node for $LOCK_WAIT s"
  OWNED=true
  local left process
  # The number may be another group's by now, so only what is ours ends.
  if read -r left 2>/dev/null <"$RUNNING/group"; then
    for process in $(pgrep -g "$left"); do
      ! grep -qsz "^LIFECYCLE=" "/proc/$process/environ" || kill -KILL "$process" 2>/dev/null || true
    done
  fi
}

learn() {
  local addresses facts sum name
  : >"$LIFECYCLE_REASON"
  addresses=$(hostname -I) || fail "$EXIT_CONFIGURATION" "hostname -I does not say this node's addresses"
  # shellcheck disable=SC2086  # several
  facts=$(node facts $addresses) || fail "$EXIT_CONFIGURATION" "$(reason)"
  eval "$facts"
  export NODE_TYPE GROUP INSTANCE_NAME INSTANCE_ID ADDRESS CONTROLLERS REGION ACCOUNT
  # A step is another one when its script, what it shares with others, what it is told, or the node changes: an image
  # made of a node has the markers of that node.
  SHARED="$(cd "$LIFECYCLE" && sha256sum node/*.py lifecycle.json lib/*.sh files/* | sha256sum) $GROUP $INSTANCE_ID"
  while read -r sum name; do
    SUMS[$name]="$sum $SHARED"
  done <<<"$(cd "$LIFECYCLE/steps" && sha256sum ./*.sh)"
  say "node $INSTANCE_NAME of group $GROUP, $NODE_TYPE"
}

run_steps() {
  local name limit tries wait
  while read -r name limit tries wait; do
    run_step "$name" "$limit" "$tries" "$wait"
    STEPS=$((STEPS + 1))
  done <<<"$PLAN"
}

run_step() {
  local name=$1 limit=$2 tries=$3 wait=$4 try sum outcome began now
  sum=${SUMS[./$name.sh]:-}
  [[ -n $sum ]] || fail "$EXIT_CONFIGURATION" "step $name has no script"
  if [[ -f $STATE/steps/$name && $(<"$STATE/steps/$name") == "$sum" ]]; then
    say "step $name: done before"
    return
  fi
  STEP=$name
  [[ ! -e $DONE && ! -e $STATE/steps/$name ]] || rm -f "$DONE" "$STATE/steps/$name" ||
    fail "$EXIT_STATE_NOT_KEPT" "step $name cannot begin: $STATE cannot be written"
  for ((try = 1; try <= tries; try++)); do
    say "step $name: try $try of $tries, at most $limit s"
    seconds began
    attempt "$name" "$limit" && outcome=0 || outcome=$?
    if [[ $outcome -eq 0 ]]; then
      keep "$STATE/steps/$name" "$sum" "step $name is done"
      seconds now
      RAN=$((RAN + 1))
      say "step $name: done in $((now - began)) s"
      STEP=
      return
    fi
    say "step $name: $(reason)"
    if ((try < tries)); then
      patiently sleep "$wait"
      wait=$((wait * 2))
    fi
  done
  fail "$outcome" "step $name failed after $tries $([[ $tries -eq 1 ]] && echo try || echo tries): $(reason)"
}

# One try. 0 only when the step has come to its end; what went wrong else is in the reason.
attempt() {
  local name=$1 limit=$2 code=0 began now
  : >"$RUNNING/finished"
  : >"$RUNNING/group"
  : >"$LIFECYCLE_REASON"
  seconds began
  # timeout makes a group of its own and stops all of it; it is stopped itself when this process is killed.
  patiently setpriv --pdeathsig TERM timeout --kill-after="$GRACE" "$limit" \
    bash "$LIFECYCLE/lib/step.sh" "$name" "$RUNNING/finished" </dev/null || code=$?
  seconds now
  end_group
  if [[ $code -eq 0 && -s $RUNNING/finished ]]; then
    return 0
  fi
  if ((now - began >= limit)) && [[ $code -eq 124 || $code -eq 137 ]]; then
    local until_then=
    [[ -s $LIFECYCLE_REASON ]] && until_then=" ($(reason))"
    printf 'it did not end within %s s%s' "$limit" "$until_then" >"$LIFECYCLE_REASON"
    return "$EXIT_STEP_TOO_LONG"
  fi
  if [[ $code -ne 0 && -s $LIFECYCLE_REASON ]]; then
    return "$EXIT_STEP_FAILED"
  fi
  printf 'it ended in the middle, with exit code %s' "$code" >"$LIFECYCLE_REASON"
  return "$EXIT_STEP_CUT_OFF"
}

# One line, and not for ever: it goes into the last one.
reason() {
  local said
  said=$(head -c 1000 "$LIFECYCLE_REASON" 2>/dev/null | LC_ALL=C tr -s '[:cntrl:]' ' ') || true
  printf '%s' "${said:-no reason was given}"
}

# keep FILE TEXT WHAT: the file is whole or absent, whenever the node loses power.
keep() {
  local why
  why=$({ printf '%s\n' "$2" >"$1.new" && sync "$1.new" && mv "$1.new" "$1"; } 2>&1) ||
    fail "$EXIT_STATE_NOT_KEPT" "it cannot be written down that $3: ${why##*: }"
}

finish() {
  local now
  [[ -f $DONE ]] || keep "$DONE" "$INSTANCE_ID" "the node is ready"
  seconds now
  LAST="lifecycle: node $INSTANCE_NAME ($NODE_TYPE) is ready: $STEPS steps, $RAN of them now, in $((now - STARTED)) s"
  exit 0
}
