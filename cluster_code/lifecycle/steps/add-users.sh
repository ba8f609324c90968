# Users of the cluster's file, with the same numbers on every node: files on the shared file system belong to numbers.
# shellcheck shell=bash

run() {
  local users home name uid gid admin admins=()
  home=$(node get users.home)
  users=$(each users.users name uid gid admin)
  mkdir -p "$home" /etc/trainyard/keys
  chmod 755 /etc/trainyard /etc/trainyard/keys
  while IFS=$FIELDS read -r name uid gid admin; do
    [[ -n $name ]] || continue
    add "$name" "$uid" "$gid" "$home/$name"
    keys "$name"
    make_home "$name" "$home/$name"
    [[ $admin == false ]] || admins+=("$name")
  done <<<"$users"
  let_become_root "${admins[@]}"
}

add() {
  local name=$1 uid=$2 gid=$3 home=$4 owner
  owner=$(owner_of group "$gid")
  [[ -z $owner || $owner == "$name" ]] || die "gid $gid of $name belongs to the image's group $owner"
  [[ -n $owner ]] || groupadd --gid "$gid" "$name"
  owner=$(owner_of passwd "$uid")
  [[ -z $owner || $owner == "$name" ]] || die "uid $uid of $name belongs to the image's user $owner"
  if [[ -z $owner ]]; then
    ! getent passwd "$name" >/dev/null || die "$name is a user of the image, with uid $(id -u "$name") and not $uid"
    useradd --uid "$uid" --gid "$gid" --home-dir "$home" --no-create-home --shell /bin/bash "$name"
  fi
}

# Nothing where nobody has the number: getent ends with 2 then.
owner_of() {
  { getent "$1" "$2" || true; } | cut -d: -f1
}

# Beside the user's own ones in the home; these change with the cluster.
keys() {
  local given
  given=$(node rows users.users name keys | awk -F "$FIELDS" -v name="$1" '$1 == name {print $2}')
  put "/etc/trainyard/keys/$1" 644 <<<"${given//$ITEMS/$'\n'}"
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
  fi
  [[ $(stat -c %U "$home") == "$name" ]] || die "$home belongs to $(stat -c %U "$home") and not to $name"
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
