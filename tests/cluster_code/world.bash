# A machine for the scripts: this one's system below a folder that takes what is written, with stand-ins first on its
# PATH. Every test has its own; what it has written is there when it is entered again, as on a disk.
# shellcheck shell=bash

# make_world TYPE: a node of that type that has never run the scripts (cluster_machines.py).
make_world() {
  WORLD=$BATS_TEST_TMPDIR
  UPPER=$WORLD/upper
  mkdir -p "$WORLD"/{work,root}
  cp -a "$DOCUMENTS/$1" "$UPPER"
}

# make_world_again TYPE: in place of the one that setup has made.
make_world_again() {
  rm -rf "${BATS_TEST_TMPDIR:?}"/*
  make_world "$1"
}

# whole_image: what every step of a node needs of HyperPod's image, and the file system that it has mounted.
whole_image() {
  mkdir -p "$UPPER/opt/slurm"/{etc,lib/slurm} "$UPPER/opt/dlami/nvme" "$UPPER/fsx" "$UPPER/usr/local/bin"
  answers aws 'echo "{}"'
  touch "$UPPER/opt/slurm/lib/slurm/spank_pyxis.so"
  install -m 755 /bin/true "$UPPER/usr/local/bin/dcgm-exporter"
  printf 'SlurmctldHost=ip-10-0-0-10(10.0.0.10)\n' >"$UPPER/opt/slurm/etc/slurm.conf"
}

# answers PROGRAM SCRIPT: what its stand-in does beside being written down.
answers() {
  printf '%s\n' "$2" >"$UPPER/fakes/$1"
}

# lacks PROGRAM
lacks() {
  rm "$UPPER/fakes/bin/$1"
}

# told PYTHON: changes lifecycle.json, which is `d` there.
told() {
  python3 -I -S -c "
import json, sys
path = sys.argv[1]
d = json.load(open(path))
exec(sys.argv[2])
json.dump(d, open(path, 'w'))" "$UPPER/opt/scripts/lifecycle.json" "$1"
}

# plan STEP…: the node runs these steps alone; `step NAME SCRIPT` writes them. One may be NAME:LIMIT:TRIES.
plan() {
  local part steps=
  for part in "$@"; do
    IFS=: read -r name limit tries <<<"$part"
    steps+="{'name': '$name', 'limit': ${limit:-20}, 'tries': ${tries:-1}, 'wait': 1},"
  done
  told "d['steps']['compute'] = [$steps]"
}

# step NAME SCRIPT: the step's body.
step() {
  printf 'run() {\n%s\n}\n' "$2" >"$UPPER/opt/scripts/steps/$1.sh"
}

# in_world COMMAND…: runs it there, as root; everything that it has started ends with it.
in_world() {
  mount_world="mount -t overlay world -o lowerdir=/,upperdir=$UPPER,workdir=$WORLD/work $WORLD/root &&
    mount -t proc proc $WORLD/root/proc && mount --rbind /dev $WORLD/root/dev && exec env -i HOME=/root LANG=C.UTF-8 \
    LIFECYCLE_LOCK_WAIT=${LIFECYCLE_LOCK_WAIT:-1} LIFECYCLE_GRACE=1 \
    PATH=/fakes/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot $WORLD/root"
  unshare --mount --pid --fork --kill-child bash -c "$mount_world \"\$@\"" world "$@"
}

on_create() {
  in_world bash /opt/scripts/on_create.sh
}

# one_step NAME: that step alone, without the runner around it; its reason is the last line where it fails.
one_step() {
  # shellcheck disable=SC2016  # expanded there
  in_world bash -c '
    cd /opt/scripts
    export LIFECYCLE=/opt/scripts LIFECYCLE_REASON=/reason
    . lib/places.sh
    . /facts
    mkdir -p "$STATE/steps" "$RUNNING"
    bash lib/step.sh "$1" /finished || { code=$?; cat /reason; exit "$code"; }' one "$1"
}

last_line() {
  printf '%s\n' "${lines[${#lines[@]} - 1]}"
}

calls() {
  cat "$UPPER/fakes/calls" 2>/dev/null
}

called() {
  calls | grep -qE -- "$1" || { calls; return 1; }
}

never_called() {
  ! calls | grep -E -- "$1"
}

is_done() {
  [[ -f $UPPER/var/lib/trainyard/lifecycle/done ]]
}

never_done() {
  [[ ! -f $UPPER/var/lib/trainyard/lifecycle/done ]]
}

has_line() {
  grep -qE -- "$2" "$UPPER$1" || { cat "$UPPER$1"; return 1; }
}
