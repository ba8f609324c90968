# Everything that later steps call must be on the image: what is missing is named here, before anything is changed.
# shellcheck shell=bash

run() {
  local needed program missing=()
  needed=$(node get "needs.$NODE_TYPE")
  for program in $needed; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  if ((${#missing[@]})); then
    die "the image lacks ${missing[*]}; nothing is downloaded at boot: take an image that has it, or leave out what needs it"
  fi
}
