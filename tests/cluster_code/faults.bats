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

@test "what does not hear that it shall end is killed: the step, and what it has started" {
  plan first:1
  step first 'trap "" TERM; (exec /bin/sleep 1000) & while :; do /bin/sleep 1001; done'
  run in_world bash -c 'bash /opt/scripts/on_create.sh; code=$?; echo "left: $(pgrep -cx sleep)"; exit $code'
  [ "$status" -eq 66 ]
  [ "$(last_line)" = 'left: 0' ]
  step first '(trap "" TERM; exec /bin/sleep 1000) & /bin/sleep 1001'
  run in_world bash -c 'bash /opt/scripts/on_create.sh; code=$?; echo "left: $(pgrep -cx sleep)"; exit $code'
  [ "$status" -eq 66 ]
  [ "$(last_line)" = 'left: 0' ]
}

@test "a clock that jumps moves no limit" {
  plan first:1
  step first '/bin/sleep 1000'
  printf 'set -T; trap "SECONDS=0" DEBUG\n' >"$UPPER/jumps"
  run in_world env BASH_ENV=/jumps bash /opt/scripts/on_create.sh
  [ "$status" -eq 66 ]
  plan second:2
  step second 'kill -KILL $$'
  printf 'set -T; trap "SECONDS=\$((SECONDS + 999))" DEBUG\n' >"$UPPER/jumps"
  run in_world env BASH_ENV=/jumps bash /opt/scripts/on_create.sh
  [ "$status" -eq 67 ]
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

@test "the runner is killed: what its step left behind ends with the next run" {
  plan first
  step first 'if [[ ! -e /back ]]; then
    touch /back; (trap "" TERM; exec /bin/sleep 1000) & kill -KILL "$(cat /runner)"; /bin/sleep 100; fi'
  run in_world bash -c '
    bash -c "echo \$\$ >/runner; exec bash /opt/scripts/on_create.sh"
    LIFECYCLE_LOCK_WAIT=10 bash /opt/scripts/on_create.sh; echo "left: $(pgrep -cx sleep)"'
  [ "$(last_line)" = 'left: 0' ]
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

@test "stopped by SIGTERM between two tries, or while another run has the node: at once, not after the wait" {
  plan first:20:2
  step first 'die "no answer"'
  answers sleep '[[ $1 != 1 ]] || { kill -TERM "$(cat /runner)"; exec /bin/sleep 100; }'
  run in_world bash -c 'echo $$ >/runner; exec bash /opt/scripts/on_create.sh'
  [ "$status" -eq 143 ]
  [ "$(last_line)" = 'lifecycle: interrupted in step first' ]
  ln -s ../stand_in "$UPPER/fakes/bin/flock"
  answers flock 'kill -TERM "$(cat /runner)"; exec /bin/sleep 100'
  run in_world bash -c 'echo $$ >/runner; exec bash /opt/scripts/on_create.sh'
  [ "$status" -eq 143 ]
  [ "$(last_line)" = 'lifecycle: interrupted' ]
}

@test "stopped by SIGTERM while its last lines are sent: it has failed all the same" {
  told "d['linger'] = 45"
  plan first
  step first 'die "broken"'
  answers sleep '[[ $1 != 45 ]] || { kill -TERM "$(cat /runner)"; exec /bin/sleep 100; }'
  run in_world bash -c 'echo $$ >/runner; exec bash /opt/scripts/on_create.sh'
  [ "$status" -eq 65 ]
  [ "$(last_line)" = 'lifecycle: step first failed after 1 try: broken' ]
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

@test "what a step left behind keeps nobody waiting: neither who reads the lines nor the next run" {
  plan first
  step first '/usr/bin/setsid /bin/sleep 1000 &'
  SECONDS=0
  run in_world bash -c 'bash /opt/scripts/on_create.sh | cat; touch /opt/scripts/files/more; bash /opt/scripts/on_create.sh'
  [ "$status" -eq 0 ]
  [[ $(last_line) == *', 1 of them now,'* ]]
  [ "$SECONDS" -lt 20 ]
}

@test "a full disk: nothing counts that cannot be written down, and the line says why" {
  plan first
  step first 'echo first'
  run in_world bash -c 'mkdir -p /var/lib/trainyard /var/log/provision
    mount -t tmpfs -o size=64k full /var/lib/trainyard; mount -t tmpfs -o size=64k full /var/log/provision
    head -c 1M /dev/zero | tee /var/lib/trainyard/fill >/var/log/provision/fill 2>/dev/null
    bash /opt/scripts/on_create.sh; code=$?; ls -A /var/lib/trainyard/lifecycle/steps; exit $code'
  [ "$status" -eq 69 ]
  [[ $output == *$'\nlifecycle: it cannot be written down that step first is done: No space left on device\n'* ]]
  # The name of what could not be written is no marker: a later run compares what is in it.
  [ "$(last_line)" = first.new ]
}

@test "a full disk: the reason of a step is said all the same" {
  plan first
  step first 'die "$(echo x 2>&1 >/var/lib/trainyard/lifecycle/x) there"'
  run in_world bash -c 'mkdir -p /var/lib/trainyard; mount -t tmpfs -o size=64k full /var/lib/trainyard
    head -c 1M /dev/zero >/var/lib/trainyard/fill; exec bash /opt/scripts/on_create.sh'
  [ "$status" -eq 65 ]
  [[ $(last_line) == 'lifecycle: step first failed after 1 try: '*'there' ]]
}

@test "a disk that nothing can be written on" {
  run in_world bash -c 'mkdir -p /var/lib/trainyard; mount -t tmpfs -o ro still /var/lib/trainyard
    exec bash /opt/scripts/on_create.sh'
  [ "$status" -eq 69 ]
  [ "$(last_line)" = 'lifecycle: no run can begin: Read-only file system' ]
}

@test "nobody reads the lines, and the log cannot be written: the node is made all the same" {
  plan first
  step first 'seq 100000'
  run in_world bash -c 'mkdir -p /var/log/provision; mount -t tmpfs -o ro still /var/log/provision
    bash /opt/scripts/on_create.sh | head -n 1; exit "${PIPESTATUS[0]}"'
  [ "$status" -eq 0 ]
  is_done
}

@test "lines of any bytes and any length: the last one is one line" {
  plan first
  step first 'printf "\377\376\n"; head -c 3000000 /dev/zero | tr "\0" x; die $'"'bad \\377\\nsecond \\e[31mred $(printf %02000d 0)'"
  run in_world bash -c 'bash /opt/scripts/on_create.sh | tail -n 1 | head -c 90 | od -c -An | tr -d " \n"; exit "${PIPESTATUS[0]}"'
  [ "$status" -eq 65 ]
  [[ $output == 'lifecycle:step'*'1try:bad377second[31mred000'* ]]
}

@test "an image made of a node: its markers are another node's" {
  plan first
  step first 'echo first >>/trace'
  on_create
  sed -i 's/i-0123456789abc0021/i-0123456789abc9921/' "$UPPER/opt/ml/config/resource_config.json"
  run on_create
  [ "$status" -eq 0 ]
  [[ $(last_line) == *', 1 of them now,'* ]]
  [ "$(cat "$UPPER/var/lib/trainyard/lifecycle/done")" = i-0123456789abc9921 ]
}

@test "an image without a program that every run needs" {
  run in_world bash -c 'rm /usr/bin/setpriv; exec bash /opt/scripts/on_create.sh'
  [ "$status" -eq 64 ]
  [ "$(last_line)" = 'lifecycle: the image lacks setpriv, which every run needs' ]
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
