# What steps are made of.
# shellcheck shell=bash

# die REASON: ends the step; the reason is in the run's last line.
die() {
  printf '%s' "$*" >"$LIFECYCLE_REASON"
  exit 1
}

# need PROGRAM WHY
need() {
  command -v "$1" >/dev/null || die "the image lacks $1, which $2 needs; nothing is downloaded at boot"
}

# put PATH MODE: standard input becomes the file, at once or not at all; nothing happens where it is the same.
put() {
  local path=$1 mode=$2 new=$1.trainyard
  [[ -d ${path%/*} ]] || mkdir -p "${path%/*}"
  # One name, so that what was cut off is written over and not left beside it.
  install -m "$mode" /dev/stdin "$new"
  if [[ -f $path ]] && cmp -s "$new" "$path" && [[ $(stat -c %a "$path") == "$mode" ]]; then
    rm -f "$new"
    return
  fi
  # Before the marker of the step is: what it says must be there after power was lost.
  sync "$new"
  mv -f "$new" "$path"
  say "  wrote $path"
}

# block PATH: standard input becomes our part of a file of others, at its end; it replaces an older one.
block() {
  local path=$1 first='# trainyard: begin' last='# trainyard: end' mode=644 rest=
  [[ -f $path ]] && mode=$(stat -c %a "$path")
  if [[ -f $path ]]; then
    rest=$(awk -v first="$first" -v last="$last" '$0 == first {ours = 1} !ours {print} $0 == last {ours = 0}' "$path")
  fi
  { [[ -z $rest ]] || printf '%s\n' "$rest"; printf '%s\n' "$first"; cat; printf '%s\n' "$last"; } | put "$path" "$mode"
}

# until_true SECONDS WHAT COMMAND…: asks after 1, 2, 4 and then every 8 s; WHAT is the reason when the time is over.
until_true() {
  local left=$1 what=$2 pause=1
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((left > 0)) || die "$what"
    sleep "$pause"
    left=$((left - pause))
    pause=$((pause < 8 ? pause * 2 : 8))
  done
}

# Between the fields of a row, and between the items of a field that is a list.
# shellcheck disable=SC2034  # of steps
FIELDS=$'\x1f'
# shellcheck disable=SC2034  # of steps
ITEMS=$'\x1e'

# each PATH FIELD…: rows of the configuration, to be read with IFS=$FIELDS.
each() {
  node rows "$@"
}

# wanted PATH: whether the configuration has a value there.
wanted() {
  [[ -n $(node get "$1") ]]
}
