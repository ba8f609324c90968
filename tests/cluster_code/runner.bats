#!/usr/bin/env bats
# The run as a whole. Its steps are made up, so that each says one thing.

load world

setup() {
  make_world compute
}

@test "all steps in their order, then done" {
  plan first second
  step first 'echo first >>/trace'
  step second 'echo second >>/trace'
  run on_create
  [ "$status" -eq 0 ]
  [ "$(cat "$UPPER/trace")" = $'first\nsecond' ]
  [[ $(last_line) == 'lifecycle: node workers-1 (compute) is ready: 2 steps, 2 of them now,'* ]]
  is_done
}

@test "a second run does nothing" {
  plan first second
  step first 'echo first >>/trace'
  step second 'echo second >>/trace'
  on_create
  run on_create
  [ "$status" -eq 0 ]
  [ "$(cat "$UPPER/trace")" = $'first\nsecond' ]
  [[ $(last_line) == *'is ready: 2 steps, 0 of them now,'* ]]
}

@test "a step that fails is named, with its reason, and nothing comes after it" {
  plan first second
  step first 'die "the disk is full"'
  step second 'echo second >>/trace'
  run on_create
  [ "$status" -eq 65 ]
  [ "$(last_line)" = 'lifecycle: step first failed after 1 try: the disk is full' ]
  [ ! -e "$UPPER/trace" ]
  never_done
}

@test "a step that exits in the middle is not done, though it says it went well" {
  plan first second
  step first 'exit 0; echo the rest'
  step second 'echo second >>/trace'
  run on_create
  [ "$status" -eq 67 ]
  [ "$(last_line)" = 'lifecycle: step first failed after 1 try: it ended in the middle, with exit code 0' ]
  [ ! -e "$UPPER/trace" ]
  never_done
}

@test "a field that is missing is named before anything is changed" {
  told "del d['mounts'][0]['path']"
  run on_create
  [ "$status" -eq 64 ]
  [ "$(last_line)" = 'lifecycle: lifecycle.json: mounts[0].path: it is missing' ]
  [ -z "$(ls "$UPPER/var/lib/trainyard/lifecycle/steps")" ]
}
