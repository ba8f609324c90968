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
    set_share "$name" "$share"
    for member in ${members//$ITEMS/ }; do
      [[ -n $(sacctmgr --noheader --parsable2 show association user="$member" account="$name") ]] ||
        sacctmgr --immediate add user "$member" Account="$name"
    done
  done <<<"$accounts"
}

# sacctmgr ends with 1 where an account has that share already, and where it failed: its words tell which
# (sacctmgr_modify_account in Slurm's src/sacctmgr/account_functions.c, read 2026-11-22).
set_share() {
  local said
  said=$(sacctmgr --immediate modify account "$1" set Fairshare="$2" 2>&1) ||
    [[ $said == *"Nothing modified"* && $said != *rror* ]] ||
    die "the share of account $1 cannot be set: ${said//$'\n'/ }"
}
