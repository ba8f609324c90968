# A machine for the scripts: this one's system below a folder that takes what is written, with stand-ins first on its
# PATH. Every test has its own; what it has written is there when it is entered again, as on a disk.
# shellcheck shell=bash

STAND_INS=(
  aws chronyc docker enroot findmnt getent hostname lctl lnetctl modinfo modprobe mount.lustre mountpoint nvidia-smi
  pam-auth-update sacctmgr scontrol sleep squeue sshd sssd systemctl visudo
)

# make_world TYPE: a node of that type that has never run the scripts.
make_world() {
  WORLD=$BATS_TEST_TMPDIR
  UPPER=$WORLD/upper
  [[ -d $BATS_FILE_TMPDIR/$1 ]] || UPPER=$BATS_FILE_TMPDIR/$1 furnish "$1"
  mkdir -p "$WORLD"/{work,root}
  cp -a "$BATS_FILE_TMPDIR/$1" "$UPPER"
}

# make_world_again TYPE: in place of the one that setup has made.
make_world_again() {
  rm -rf "${BATS_TEST_TMPDIR:?}"/*
  make_world "$1"
}

# What every node of a type has; made once a file.
furnish() {
  mkdir -p "$UPPER"/{fakes/bin,opt/scripts,opt/ml/config,etc/ssh,etc/pam.d}
  cp -r "$LIFECYCLE_SOURCE/." "$UPPER/opt/scripts"
  cp "$DOCUMENTS/lifecycle.json" "$UPPER/opt/scripts"
  cp "$DOCUMENTS/resource_config.json" "$UPPER/opt/ml/config"
  install -m 755 "$BATS_TEST_DIRNAME/stand_in.sh" "$UPPER/fakes/stand_in"
  local name address
  for name in "${STAND_INS[@]}"; do
    ln -s ../stand_in "$UPPER/fakes/bin/$name"
  done
  ln -s "$PYTHON" "$UPPER/fakes/bin/python3"
  case $1 in
    controller) address=10.0.0.10 name=controller ;;
    login) address=10.0.0.11 name=login ;;
    compute) address=10.0.0.21 name=workers ;;
  esac
  # What `node facts` says of it (test_node.py); written down, for a Python less a test.
  cat >"$UPPER/facts" <<FACTS
export NODE_TYPE=$1 GROUP=$name INSTANCE_NAME=$name-1 INSTANCE_ID=i-0123456789abc00${address##*.}
export ADDRESS=$address CONTROLLERS=10.0.0.10 REGION=eu-west-1 ACCOUNT=123456789012
FACTS
  answers hostname "case \$1 in -I) echo 172.17.0.1 $address ;; *) echo ip-${address//./-} ;; esac"
  answers getent 'case $1 in hosts) echo 10.0.0.99 $2 ;; *) exec /usr/bin/getent "$@" ;; esac'
  answers sleep '[[ $1 != 0.* ]] || exec /bin/sleep "$1"'
  answers findmnt 'echo lustre'
  answers nvidia-smi 'printf "GPU %d: H100\n" 0 1 2 3 4 5 6 7'
  answers scontrol 'echo "Slurmctld(primary) at c is UP"'
  printf 'Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n' >"$UPPER/etc/ssh/sshd_config"
  printf 'account required pam_nologin.so\n' >"$UPPER/etc/pam.d/sshd"
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
  "$PYTHON" -c "
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
  unshare --mount --pid --fork --kill-child bash -c '
    set -e
    mount --make-rprivate /
    mount -t overlay world -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
    mount -t proc proc "$1/root/proc"
    mount --rbind /dev "$1/root/dev"
    cd "$1/root"
    shift
    exec env -i HOME=/root LANG=C.UTF-8 LIFECYCLE_LOCK_WAIT="${LIFECYCLE_LOCK_WAIT:-1}" \
      PATH=/fakes/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot . "$@"
  ' world "$WORLD" "$@"
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
    mkdir -p "$STATE/steps"
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
