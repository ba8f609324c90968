# Users of the cluster's file, with the same numbers on every node: files on the shared file system belong to numbers.
# shellcheck shell=bash

# Users of the file, by this step, a line each.
OURS=/etc/trainyard/users

run() {
  local users home name uid gid admin keys names=() admins=()
  home=$(node get users.home)
  users=$(each users.users name uid gid admin keys)
  mkdir -p "$home" /etc/trainyard/keys
  chmod 755 /etc/trainyard /etc/trainyard/keys
  while IFS=$FIELDS read -r name uid gid admin keys; do
    [[ -n $name ]] || continue
    add_group "$name" "$gid"
    add "$name" "$uid" "$gid" "$home/$name"
    # Beside the user's own ones in the home; these change with the cluster.
    put "/etc/trainyard/keys/$name" 644 <<<"${keys//$ITEMS/$'\n'}"
    make_home "$name" "$home/$name"
    names+=("$name")
    [[ $admin == false ]] || admins+=("$name")
  done <<<"$users"
  let_become_root "${admins[@]}"
  keep_out "${names[@]}"
}

add_group() {
  local name=$1 gid=$2 owner
  owner=$(owner_of group "$gid")
  [[ -z $owner || $owner == "$name" ]] || die "gid $gid of $name belongs to the image's group $owner"
  if [[ -z $owner ]]; then
    ! getent group "$name" >/dev/null || die "$name is a group of the image, with another number than $gid"
    groupadd --gid "$gid" "$name"
  fi
}

add() {
  local name=$1 uid=$2 gid=$3 home=$4 owner
  owner=$(owner_of passwd "$uid")
  [[ -z $owner || $owner == "$name" ]] || die "uid $uid of $name belongs to the image's user $owner"
  if [[ -z $owner ]]; then
    ! getent passwd "$name" >/dev/null || die "$name is a user of the image, with uid $(id -u "$name") and not $uid"
    useradd --uid "$uid" --gid "$gid" --home-dir "$home" --no-create-home --shell /bin/bash "$name"
  elif [[ $(getent passwd "$name") != "$name:"*":$uid:$gid:"*":$home:/bin/bash" ]]; then
    usermod --gid "$gid" --home "$home" --shell /bin/bash "$name"
  fi
  # Who was left out once has come back, or an earlier try of this step got so far.
  [[ -z $owner ]] || grep -qsxF "$name" "$OURS" || usermod --expiredate '' "$name"
  # useradd writes one file after the other: cut off between them, the account could not be entered.
  getent shadow "$name" >/dev/null || pwconv
}

# Nothing where nobody has the number: getent ends with 2 then.
owner_of() {
  { getent "$1" "$2" || true; } | cut -d: -f1
}

# All nodes start at once and share the folder: a home appears whole, by the one of them that was first.
make_home() {
  local name=$1 home=$2 new=$2.new-$INSTANCE_ID
  if [[ ! -d $home ]]; then
    rm -rf "$new"
    cp -r /etc/skel "$new"
    chmod 700 "$new"
    chown -R "$name:" "$new"
    mv --no-target-directory "$new" "$home" 2>/dev/null || rm -rf "$new"
    [[ -d $home ]] || die "$home cannot be made"
  fi
  [[ $(stat -c %u "$home") == "$(id -u "$name")" ]] || die "$home belongs to $(stat -c %U "$home") and not to $name"
}

let_become_root() {
  if (($#)); then
    printf '%s ALL=(ALL) NOPASSWD: ALL\n' "$@" >"$STATE/sudoers"
    visudo --check --quiet --file="$STATE/sudoers" || die "sudo refuses the list of admins"
    put /etc/sudoers.d/90-trainyard 440 <"$STATE/sudoers"
  else
    rm -f /etc/sudoers.d/90-trainyard
  fi
  printf '%s\n' root "$@" | put /etc/trainyard/admins 644
}

# keep_out NAME…: whoever of us is not among them any more. Accounts stay, for their files do, and nobody enters by them.
keep_out() {
  local name
  if [[ -f $OURS ]]; then
    while read -r name; do
      [[ -n $name ]] || continue
      printf '%s\n' "$@" | grep -xF -- "$name" >/dev/null || {
        usermod --expiredate 1 "$name"
        rm -f "/etc/trainyard/keys/$name"
      }
    done <"$OURS"
  fi
  printf '%s\n' "$@" | put "$OURS" 644
}
