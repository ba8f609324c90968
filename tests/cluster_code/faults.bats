#!/usr/bin/env bats
# What can go wrong with a run: nothing of it may end as done, and each has its own last line.

load world

setup() {
  make_world compute
}

@test "what is said is in the log too" {
  plan first
  step first 'echo hello from the step'
  run on_create
  [ "$status" -eq 0 ]
  [ "$output" = "$(cat "$UPPER/var/log/provision/lifecycle.log")" ]
  [[ $output == *'hello from the step'* ]]
}

@test "a step that has changed runs again" {
  plan first second
  step first 'echo first >>/trace'
  step second 'echo second >>/trace'
  on_create
  step second 'echo changed >>/trace'
  run on_create
  [ "$(cat "$UPPER/trace")" = $'first\nsecond\nchanged' ]
  [[ $(last_line) == *', 1 of them now,'* ]]
}

@test "what the scripts are told has changed: steps run again" {
  plan first
  step first 'echo first >>/trace'
  on_create
  told "d['cluster'] = 'other'"
  on_create
  [ "$(cat "$UPPER/trace")" = $'first\nfirst' ]
}

@test "a command that fails without a reason is the reason" {
  plan first
  step first 'cat /no/such/file; echo not reached'
  run on_create
  [ "$status" -eq 65 ]
  [ "$(last_line)" = 'lifecycle: step first failed after 1 try: cat /no/such/file: exit code 1' ]
}

@test "a step is tried as often as it may, with pauses that grow" {
  plan first:20:3
  step first 'echo try >>/trace; die "no answer"'
  run on_create
  [ "$status" -eq 65 ]
  [ "$(wc -l <"$UPPER/trace")" -eq 3 ]
  [ "$(last_line)" = 'lifecycle: step first failed after 3 tries: no answer' ]
  [ "$(calls | grep -E '^sleep [1-9]')" = $'sleep 1\nsleep 2' ]
}

@test "a step that succeeds the second time is done" {
  plan first:20:3
  step first '[[ -e /tried ]] || { touch /tried; die "no answer"; }'
  run on_create
  [ "$status" -eq 0 ]
  is_done
}

@test "a step that hangs is ended by its limit, with all that it has started" {
  plan first:1
  step first '/bin/sleep 1000 & /bin/sleep 1001'
  run in_world bash -c 'bash /opt/scripts/on_create.sh; code=$?; echo "left: $(pgrep -cx sleep)"; exit $code'
  [ "$status" -eq 66 ]
  [[ $output == *'lifecycle: step first failed after 1 try: it did not end within 1 s'* ]]
  [ "$(last_line)" = 'left: 0' ]
  never_done
}

@test "a step that is killed is not done" {
  plan first
  step first 'kill -KILL $$'
  run on_create
  [ "$status" -eq 67 ]
  [[ $(last_line) == *'it ended in the middle, with exit code 137' ]]
  never_done
}

@test "power lost in the middle: the next run goes on with that step" {
  plan first second third
  step first 'echo first >>/trace'
  step second 'echo second >>/trace; if [[ ! -e /back ]]; then touch /back; kill -KILL -1; /bin/sleep 100; fi'
  step third 'echo third >>/trace'
  run in_world bash -c 'bash /opt/scripts/on_create.sh; exit $?'
  [ "$status" -ne 0 ]
  never_done
  run on_create
  [ "$status" -eq 0 ]
  [ "$(cat "$UPPER/trace")" = $'first\nsecond\nsecond\nthird' ]
  is_done
}

@test "the runner is killed: the next run waits for the step that is left, which ends with it" {
  plan first
  step first 'echo begun >>/trace; if [[ ! -e /back ]]; then touch /back; kill -KILL "$(cat /runner)"; /bin/sleep 100; fi'
  LIFECYCLE_LOCK_WAIT=10 run in_world bash -c '
    bash -c "echo \$\$ >/runner; exec bash /opt/scripts/on_create.sh"
    bash /opt/scripts/on_create.sh'
  [ "$status" -eq 0 ]
  [ "$(cat "$UPPER/trace")" = $'begun\nbegun' ]
  is_done
}

@test "stopped by SIGTERM: the step is named and ends" {
  plan first
  step first 'kill -TERM "$(cat /runner)"; /bin/sleep 1000'
  run in_world bash -c 'echo $$ >/runner; exec bash /opt/scripts/on_create.sh'
  [ "$status" -eq 143 ]
  [ "$(last_line)" = 'lifecycle: interrupted in step first' ]
  never_done
}

@test "one run at a time" {
  plan first
  step first 'echo first >>/trace'
  run in_world bash -c 'mkdir -p /var/lib/trainyard/lifecycle
    exec 8>/var/lib/trainyard/lifecycle/lock; flock 8; bash /opt/scripts/on_create.sh 8>&-'
  [ "$status" -eq 68 ]
  [ "$(last_line)" = 'lifecycle: another run has held the node for 1 s' ]
  [ ! -e "$UPPER/trace" ]
}

@test "what a step left behind keeps nobody waiting" {
  plan first
  step first '/bin/sleep 1000 &'
  SECONDS=0
  run in_world bash -c 'bash /opt/scripts/on_create.sh'
  [ "$status" -eq 0 ]
  [ "$SECONDS" -lt 20 ]
}

@test "a node that was done and now fails is not done" {
  plan first
  step first 'true'
  on_create
  is_done
  step first 'die "broken since"'
  run on_create
  [ "$status" -eq 65 ]
  never_done
}

@test "a step without a script is no step" {
  plan first missing
  step first 'true'
  run on_create
  [ "$status" -eq 64 ]
  [ "$(last_line)" = 'lifecycle: step missing has no script' ]
  never_done
}

@test "no configuration at all" {
  rm "$UPPER/opt/scripts/lifecycle.json"
  run on_create
  [ "$status" -eq 64 ]
  [ "$(last_line)" = 'lifecycle: lifecycle.json: it cannot be read (No such file or directory)' ]
}

@test "a node that is not of the cluster" {
  answers hostname 'echo 10.0.9.9'
  run on_create
  [ "$status" -eq 64 ]
  [ "$(last_line)" = 'lifecycle: resource_config.json: 0 instances have an address of this node (10.0.9.9), but it must be one' ]
}

@test "a failed node stays as long as it was told, so that its log arrives" {
  told "d['linger'] = 45"
  plan first
  step first 'die "broken"'
  run on_create
  [ "$status" -eq 65 ]
  called '^sleep 45$'
}
