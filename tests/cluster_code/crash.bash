#!/usr/bin/env bash
# Kills a step in the middle and runs it again, on a fresh machine for each point: crash.bash TYPE STEP SHARE
# A point is a command of bash that is about to run. SHARE of them are tried, 1 of so many, evenly; the first line says
# how many there are. What differs then from a machine on which the step ran once is written, and is the complaint.
set -euo pipefail

. "${BASH_SOURCE[0]%/*}/world.bash"
BATS_TEST_DIRNAME=${BASH_SOURCE[0]%/*}
BATS_FILE_TMPDIR=$(mktemp -d "$TMPDIR/crash.XXXXXX")
BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR/world
trap 'rm -rf "$BATS_FILE_TMPDIR"' EXIT

make_world "$1"
whole_image
if [[ $2 == join-directory ]]; then
  cp "$DOCUMENTS/directory.json" "$UPPER/opt/scripts/lifecycle.json"
  answers getent 'echo "cluster-admins:x:3001:"'
fi
# A service runs with the files that were there when it was started.
answers systemctl 'runs() { cat $(sed -n "s/.*[=: ]\(\/etc\/trainyard\/[a-z.]*\).*/\1/p" "$1" 2>/dev/null) "$@" 2>/dev/null | cksum >"/services/${1##*/}"; }
mkdir -p /services
case "$1 $2" in
  "restart sssd.service") runs /etc/sssd/sssd.conf ;;
  "try-reload-or-restart "*) runs /etc/ssh/sshd_config.d/*.conf ;;
  restart\ *) runs "/etc/systemd/system/$2" "/etc/systemd/system/$2".d/* /opt/trainyard/lifecycle/counters.csv ;;
  start\ *) [[ -e /services/$2 ]] || runs "/etc/systemd/system/$2" "/etc/systemd/system/$2".d/* /opt/trainyard/lifecycle/counters.csv ;;
esac'
cat >"$UPPER/fakes/crash" <<'CRASH'
case $0 in */step.sh | */hosts.sh | */include.sh) ;; *) return ;; esac
point() {
  local points
  printf . >>/fakes/points
  read -r points </fakes/points || ((${#points} != CRASH_AT)) || kill -KILL 0
}
begun() {
  [[ $1 != run ]] || trap point DEBUG
}
set -T
trap 'begun "$BASH_COMMAND"' DEBUG
CRASH

# shellcheck disable=SC2016  # expanded there
unshare --mount --pid --fork --kill-child bash -c '
  set -uo pipefail
  exec 2>/dev/null
  cd "$1"
  step=$2 share=$3
  mount --make-rprivate /
  cp -a upper base

  fresh() {
    umount -R root 2>/dev/null
    rm -rf upper work
    cp -a base upper
    mkdir -p work root
    mount -t overlay world -o "lowerdir=/,upperdir=upper,workdir=work" root
    mount -t proc proc root/proc
    mount --rbind /dev root/dev
  }
  # once WORD…: the step, with these in its environment.
  once() {
    setsid --wait env -i HOME=/root LANG=C.UTF-8 "$@" \
      PATH=/fakes/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot root bash -c "
        cd /opt/scripts
        export LIFECYCLE=/opt/scripts LIFECYCLE_REASON=/run/reason
        . lib/places.sh
        . /facts
        mkdir -p \$STATE/steps \$RUNNING
        rm -f /run/finished
        exec bash lib/step.sh $step /run/finished" >said 2>&1
    [[ -e upper/run/finished ]]
  }
  # All that is on the disk but what Linux keeps of the last change to accounts, and what the tests write themselves.
  tree() {
    local others=(-path ./fakes -o -path ./run -o -path ./opt/scripts -o -path ./etc/.pwd.lock -o -path "./etc/*-")
    (cd upper && find . \( "${others[@]}" \) -prune -o -printf "%P %y %m %U:%G %l\n" &&
      find . \( "${others[@]}" \) -prune -o -type f -exec sha256sum {} +) | sort
  }
  fresh
  once CRASH_AT=0 BASH_ENV=/fakes/crash || { cat said; exit 1; }
  points=$(wc -c <upper/fakes/points)
  tree >whole
  echo "$points points"
  for ((point = 1 + share / 2; point <= points; point += share)); do
    fresh
    once CRASH_AT="$point" BASH_ENV=/fakes/crash
    if ! once TERM=dumb; then
      echo "point $point: it does not come to its end any more: $(tail -n 1 said)"
    elif ! diff whole <(tree) >difference; then
      echo "point $point: $(head -n 4 difference)"
    fi
  done
  umount -R root
' crash "$WORLD" "$2" "$3"
