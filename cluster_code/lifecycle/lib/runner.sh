# The run as a whole: one at a time, logged, each step within its time, and an end that says which it was.
# shellcheck shell=bash

EXIT_CONFIGURATION=64
EXIT_STEP_FAILED=65
EXIT_STEP_TOO_LONG=66
EXIT_STEP_CUT_OFF=67
EXIT_ANOTHER_RUN=68
EXIT_INTERRUPTED=143
# Longer than a step that was orphaned by a kill may go on.
LOCK_WAIT=${LIFECYCLE_LOCK_WAIT:-330}
GRACE=10

STEP=
CHILD=
NODE_TYPE=
INSTANCE_NAME=
GROUP=
LINGER=0
RAN=0
OWNED=false
STARTED=$SECONDS

begin() {
  umask 022
  # HyperPod may start this with a short one; Slurm's own is in no standard place.
  export PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$SLURM/bin:$SLURM/sbin
  mkdir -p "$STATE/steps" "$(dirname "$LOG")"
  export LIFECYCLE_REASON=$STATE/reason
  exec > >(exec tee -a "$LOG") 2>&1
  TEE=$!
  trap 'ended $?' EXIT
  trap 'interrupted' TERM INT HUP
}

# Steps inherit the lock: when this process is killed, the next run waits until its step is gone too.
lock() {
  exec 9>"$STATE/lock"
  flock --wait "$LOCK_WAIT" 9 || fail "$EXIT_ANOTHER_RUN" "another run has held the node for $LOCK_WAIT s"
  OWNED=true
}

learn() {
  local facts
  rm -f "$LIFECYCLE_REASON"
  facts=$(node facts) || fail "$EXIT_CONFIGURATION" "$(reason)"
  eval "$facts"
  export NODE_TYPE GROUP INSTANCE_NAME INSTANCE_ID ADDRESS CONTROLLERS REGION ACCOUNT
  say "node $INSTANCE_NAME of group $GROUP, $NODE_TYPE"
}

run_steps() {
  local plan name limit tries wait
  plan=$(node steps "$NODE_TYPE") || fail "$EXIT_CONFIGURATION" "$(reason)"
  while read -r name limit tries wait; do
    run_step "$name" "$limit" "$tries" "$wait"
  done <<<"$plan"
}

run_step() {
  local name=$1 limit=$2 tries=$3 wait=$4 try sum began outcome
  sum=$(sum_of "$name") || fail "$EXIT_CONFIGURATION" "step $name has no script"
  if [[ -f $STATE/steps/$name && $(<"$STATE/steps/$name") == "$sum" ]]; then
    say "step $name: done before"
    return
  fi
  rm -f "$DONE" "$STATE/steps/$name"
  for ((try = 1; try <= tries; try++)); do
    say "step $name: try $try of $tries, at most $limit s"
    began=$SECONDS
    attempt "$name" "$limit" && outcome=0 || outcome=$?
    if [[ $outcome -eq 0 ]]; then
      # A marker is whole or absent, whenever the node loses power.
      printf '%s' "$sum" >"$STATE/steps/.$name"
      sync "$STATE/steps/.$name"
      mv "$STATE/steps/.$name" "$STATE/steps/$name"
      RAN=$((RAN + 1))
      say "step $name: done in $((SECONDS - began)) s"
      return
    fi
    say "step $name: $(reason)"
    if ((try < tries)); then
      sleep "$wait"
      wait=$((wait * 2))
    fi
  done
  fail "$outcome" "step $name failed after $tries $([[ $tries -eq 1 ]] && echo try || echo tries): $(reason)"
}

# One try. 0 only when the step has come to its end; what went wrong else is in the reason.
attempt() {
  local name=$1 limit=$2 began=$SECONDS code
  rm -f "$STATE/finished" "$LIFECYCLE_REASON"
  STEP=$name
  # timeout makes a group of its own and stops all of it; it is stopped itself when this process is killed.
  setpriv --pdeathsig TERM timeout --kill-after="$GRACE" "$limit" \
    bash "$LIFECYCLE/lib/step.sh" "$name" "$STATE/finished" </dev/null &
  CHILD=$!
  wait "$CHILD" && code=0 || code=$?
  CHILD=
  STEP=
  if [[ $code -eq 0 && -f $STATE/finished ]]; then
    return 0
  fi
  if ((SECONDS - began >= limit)) && [[ $code -eq 124 || $code -eq 137 ]]; then
    local until_then=
    [[ -s $LIFECYCLE_REASON ]] && until_then=" ($(reason))"
    printf 'it did not end within %s s%s' "$limit" "$until_then" >"$LIFECYCLE_REASON.new"
    mv "$LIFECYCLE_REASON.new" "$LIFECYCLE_REASON"
    return "$EXIT_STEP_TOO_LONG"
  fi
  if [[ $code -ne 0 && -s $LIFECYCLE_REASON ]]; then
    return "$EXIT_STEP_FAILED"
  fi
  printf 'it ended in the middle, with exit code %s' "$code" >"$LIFECYCLE_REASON"
  return "$EXIT_STEP_CUT_OFF"
}

# A step is another one when its script, what it shares with others, or what it is told changes.
sum_of() {
  [[ -f $LIFECYCLE/steps/$1.sh ]] || return 1
  (
    cd "$LIFECYCLE" || exit
    { sha256sum "steps/$1.sh" node.py lifecycle.json lib/*.sh files/*; printf '%s\n' "$NODE_TYPE $GROUP"; } | sha256sum
  ) | cut -d' ' -f1
}

reason() {
  cat "$LIFECYCLE_REASON" 2>/dev/null || echo "no reason was given"
}

finish() {
  local steps
  steps=$(node steps "$NODE_TYPE" | wc -l)
  if [[ ! -f $DONE ]]; then
    printf '%s\n' "$INSTANCE_ID" >"$DONE.new"
    sync "$DONE.new"
    mv "$DONE.new" "$DONE"
  fi
  LAST="lifecycle: node $INSTANCE_NAME ($NODE_TYPE) is ready: $steps steps, $RAN of them now, in $((SECONDS - STARTED)) s"
  exit 0
}

# fail CODE REASON
fail() {
  LAST="lifecycle: $2"
  exit "$1"
}

interrupted() {
  trap '' TERM INT HUP
  local where=${STEP:+ in step $STEP}
  if [[ -n $CHILD ]]; then
    kill -TERM "$CHILD" 2>/dev/null || true
    wait "$CHILD" 2>/dev/null || true
  fi
  fail "$EXIT_INTERRUPTED" "interrupted$where"
}

ended() {
  local code=$1
  trap - EXIT
  if [[ $code -ne 0 && $OWNED == true ]]; then
    rm -f "$DONE"
  fi
  printf '%s\n' "${LAST:-lifecycle: the runner itself ended with exit code $code}"
  # The instance of a failed node goes away, and its log with it, unless the agent has sent it before.
  if [[ $code -ne 0 && $LINGER -gt 0 ]]; then
    sleep "$LINGER"
  fi
  # What a step left behind may still hold the pipe: its lines are not waited for.
  exec >&- 2>&-
  local look
  for ((look = 0; look < 40; look++)); do
    kill -0 "$TEE" 2>/dev/null || break
    sleep 0.05
  done
  exit "$code"
}
