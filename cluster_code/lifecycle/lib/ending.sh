# How a run speaks, waits and ends, whatever happens to it.
# shellcheck shell=bash

# Lines go to whoever started this, which sends them to CloudWatch, and into the log. Neither a full disk nor a reader
# that is gone ends the run: what remains is read and thrown away. In a session of its own, for the last line must
# still be said when everything here is told to end.
speak() {
  mkdir -p "${LOG%/*}" || true
  # shellcheck disable=SC2016  # expanded there
  exec > >(exec setsid bash -c 'tee -a --output-error=warn "$1"; exec cat >/dev/null' log "$LOG") 2>&1
  LISTENER=$!
}

# seconds NAME: the variable becomes the age of the machine. No jump of the clock, such as chrony's first, moves it.
seconds() {
  local age
  read -r age _ </proc/uptime
  printf -v "$1" '%s' "${age%.*}"
}

# patiently COMMAND…: as it is, but a signal ends the waiting.
patiently() {
  local code=0
  "$@" &
  CHILD=$!
  wait "$CHILD" || code=$?
  CHILD=
  return "$code"
}

# timeout waits for the step's own process alone: what that has started, and what does not hear SIGTERM, is left.
end_group() {
  local group
  if read -r group 2>/dev/null <"$RUNNING/group"; then
    kill -KILL -- "-$group" 2>/dev/null || true
    : >"$RUNNING/group"
  fi
}

# fail CODE REASON
fail() {
  LAST="lifecycle: $2"
  exit "$1"
}

interrupted() {
  trap '' TERM INT HUP
  if [[ -n $CHILD ]]; then
    kill -TERM "$CHILD" 2>/dev/null || true
    wait "$CHILD" 2>/dev/null || true
  fi
  end_group
  fail "$EXIT_INTERRUPTED" "interrupted${STEP:+ in step $STEP}"
}

ended() {
  local code=$1 look
  trap - EXIT
  # From here on a signal ends the lingering, and nothing else.
  trap : TERM INT HUP
  if [[ $code -ne 0 && $OWNED == true ]]; then
    rm -f "$DONE" || true
  fi
  printf '%s\n' "${LAST:-lifecycle: the runner itself ended with exit code $code}"
  # The instance of a failed node goes away, and its log with it, unless the agent has sent it before.
  if [[ $code -ne 0 && $LINGER -gt 0 ]]; then
    sleep "$LINGER" &
    wait "$!" || kill "$!" 2>/dev/null || true
  fi
  exec >&- 2>&-
  for ((look = 0; look < 40; look++)); do
    kill -0 "$LISTENER" 2>/dev/null || break
    sleep 0.05
  done
  # What a step left behind may still hold the pipe: who started this waits for its end, and for no line of that.
  kill -KILL -- "-$LISTENER" 2>/dev/null || true
  exit "$code"
}
