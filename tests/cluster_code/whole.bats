#!/usr/bin/env bats
# Every step that a node of a type has, in its order, by the entry; on one of them once more.

load world

everything() {
  make_world "$1"
  whole_image
  run on_create
  echo "$output"
  [ "$status" -eq 0 ]
  is_done
  [[ $(last_line) == "lifecycle: node $2 ($1) is ready: $3 steps, $3 of them now, in "* ]]
}

@test "a controller" {
  everything controller controller-1 16
}

@test "a login node" {
  everything login login-1 12
}

@test "a compute node" {
  everything compute workers-1 18
  run on_create
  [ "$status" -eq 0 ]
  [[ $(last_line) == "lifecycle: node workers-1 (compute) is ready: 18 steps, 0 of them now, in "* ]]
}
