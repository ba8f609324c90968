# Accounts and their members in Slurm's accounting. sacctmgr says so when there is nothing to do.
# shellcheck shell=bash

run() {
  local accounts name share members member
  need sacctmgr "accounts"
  until_true 90 "the accounting database does not answer (sacctmgr)" sacctmgr --noheader --parsable2 show cluster
  accounts=$(each slurm.accounts name share members)
  while IFS=$FIELDS read -r name share members; do
    [[ -n $(sacctmgr --noheader --parsable2 show account "$name") ]] ||
      sacctmgr --immediate add account "$name" Description="$name" Organization=trainyard
    sacctmgr --immediate modify account "$name" set Fairshare="$share" || nothing_to_do "$?"
    for member in ${members//$ITEMS/ }; do
      [[ -n $(sacctmgr --noheader --parsable2 show association user="$member" account="$name") ]] ||
        sacctmgr --immediate add user "$member" Account="$name"
    done
  done <<<"$accounts"
}

# sacctmgr ends with 1 where nothing changed.
nothing_to_do() {
  [[ $1 -eq 1 ]]
}
