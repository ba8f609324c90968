#!/usr/bin/env bats
# Steps alone, for who may log in: what each does to a node, and what it says when it cannot.

load world

setup() {
  make_world compute
}

@test "add-users: the same numbers, homes on the shared file system, keys outside of them" {
  mkdir -p "$UPPER/fsx"
  run one_step add-users
  [ "$status" -eq 0 ]
  has_line /etc/passwd '^alice:x:2001:2001:.*:/fsx/home/alice:/bin/bash$'
  [ "$(stat -c %u:%g:%a "$UPPER/fsx/home/bob")" = 2002:2002:700 ]
  [ "$(grep -c ssh-ed25519 "$UPPER/etc/trainyard/keys/alice")" -eq 2 ]
  [ "$(cat "$UPPER/etc/sudoers.d/90-trainyard")" = 'alice ALL=(ALL) NOPASSWD: ALL' ]
  [ "$(cat "$UPPER/etc/trainyard/admins")" = $'root\nalice' ]
}

@test "add-users: twice, and a home that another node has made" {
  mkdir -p "$UPPER/fsx/home/alice"
  echo mine >"$UPPER/fsx/home/alice/notes"
  chown 2001:2001 "$UPPER/fsx/home/alice"
  one_step add-users
  run one_step add-users
  [ "$status" -eq 0 ]
  [ "$(cat "$UPPER/fsx/home/alice/notes")" = mine ]
  [ "$(ls "$UPPER/fsx/home")" = $'alice\nbob' ]
}

@test "add-users: who is no admin any more does not become root" {
  mkdir -p "$UPPER/fsx"
  one_step add-users
  told "d['users']['users'][0]['admin'] = False"
  run one_step add-users
  [ "$status" -eq 0 ]
  in_world test ! -e /etc/sudoers.d/90-trainyard
  [ "$(cat "$UPPER/etc/trainyard/admins")" = root ]
}

@test "add-users: who is in the file no more does not come in, until he is again" {
  mkdir -p "$UPPER/fsx"
  one_step add-users
  told "d['users']['users'] = d['users']['users'][1:]"
  one_step add-users
  has_line /etc/shadow '^alice:([^:]*:){6}1:$'
  in_world test ! -e /etc/trainyard/keys/alice
  [ "$(cat "$UPPER/etc/trainyard/users")" = bob ]
  cp "$DOCUMENTS/lifecycle.json" "$UPPER/opt/scripts"
  one_step add-users
  has_line /etc/shadow '^alice:([^:]*:){6}:$'
  [ -s "$UPPER/etc/trainyard/keys/alice" ]
}

@test "add-users: an account that a try left without its shadow, and homes that have moved" {
  mkdir -p "$UPPER/fsx"
  one_step add-users
  sed -i /^alice:/d "$UPPER/etc/shadow"
  told "d['users']['home'] = '/fsx/people'"
  one_step add-users
  has_line /etc/shadow '^alice:'
  has_line /etc/passwd '^alice:x:2001:2001:.*:/fsx/people/alice:/bin/bash$'
}

@test "add-users: a name that is a command of the shell" {
  told "d['users']['users'] = [dict(name='a\$(touch /pwned);b', uid=2003, gid=2003, keys=[], admin=True)]"
  run one_step add-users
  [ "$status" -ne 0 ]
  [ ! -e "$UPPER/pwned" ]
}

@test "add-users: a number that the image has given away" {
  printf 'operator:x:2001:2001::/home/operator:/bin/sh\n' >"$WORLD/more"
  cat /etc/passwd "$WORLD/more" >"$UPPER/etc/passwd"
  run one_step add-users
  [ "$status" -ne 0 ]
  [ "$(last_line)" = "uid 2001 of alice belongs to the image's user operator" ]
}

@test "add-users: a group that the image has" {
  printf 'alice:x:990:\n' >"$WORLD/more"
  cat /etc/group "$WORLD/more" >"$UPPER/etc/group"
  run one_step add-users
  [ "$status" -ne 0 ]
  [ "$(last_line)" = 'alice is a group of the image, with another number than 2001' ]
}

@test "add-users: a home of somebody else" {
  mkdir -p "$UPPER/fsx/home/alice"
  run one_step add-users
  [ "$status" -ne 0 ]
  [ "$(last_line)" = '/fsx/home/alice belongs to root and not to alice' ]
}

@test "join-directory: the secret's password in one file of root's, and nowhere else" {
  cp "$DOCUMENTS/directory.json" "$UPPER/opt/scripts/lifecycle.json"
  answers aws 'echo hunter2'
  answers getent 'true'
  run one_step join-directory
  [ "$status" -eq 0 ]
  has_line /etc/sssd/sssd.conf '^ldap_default_authtok = hunter2$'
  has_line /etc/sssd/sssd.conf '^ldap_uri = ldaps://ldap.corp.example.com$'
  has_line /etc/sssd/sssd.conf '^simple_allow_groups = ML Users, guests, cluster-admins$'
  [ "$(stat -c %a "$UPPER/etc/sssd/sssd.conf")" = 600 ]
  [ "$(grep -rl hunter2 "$UPPER" --exclude-dir=fakes)" = "$UPPER/etc/sssd/sssd.conf" ]
  [[ $output != *hunter2* ]]
  called '^aws secretsmanager get-secret-value --region eu-west-1 --secret-id research/ldap '
}

@test "join-directory: a secret that the node may not read" {
  cp "$DOCUMENTS/directory.json" "$UPPER/opt/scripts/lifecycle.json"
  answers aws 'exit 254'
  run one_step join-directory
  [ "$status" -ne 0 ]
  [ "$(last_line)" = "the secret research/ldap cannot be read with the node's role" ]
  [ ! -e "$UPPER/etc/sssd/sssd.conf" ]
}

@test "join-directory: a secret that would be more than a password there" {
  cp "$DOCUMENTS/directory.json" "$UPPER/opt/scripts/lifecycle.json"
  answers aws 'printf "hunter2\nldap_tls_reqcert = never\n"'
  run one_step join-directory
  [ "$status" -ne 0 ]
  [ "$(last_line)" = 'the secret research/ldap has several lines: it must be the password alone' ]
  [ ! -e "$UPPER/etc/sssd/sssd.conf" ]
}

@test "join-directory: a directory that does not answer" {
  cp "$DOCUMENTS/directory.json" "$UPPER/opt/scripts/lifecycle.json"
  answers aws 'echo hunter2'
  answers getent 'exit 2'
  run one_step join-directory
  [ "$status" -ne 0 ]
  [[ $(last_line) == 'the directory does not answer: cluster-admins is no group'* ]]
}

@test "restrict-logins: users enter with a job, admins always, and when nobody answers admins alone" {
  mkdir -p "$UPPER/etc/trainyard"
  printf 'root\nalice\n' >"$UPPER/etc/trainyard/admins"
  one_step restrict-logins
  has_line /etc/pam.d/sshd '^account required pam_nologin.so$'
  has_line /etc/pam.d/sshd '^account required pam_exec.so .*only_with_job.sh$'
  mkdir -p "$UPPER/opt/slurm/bin"
  ln -s /fakes/stand_in "$UPPER/opt/slurm/bin/squeue"
  answers squeue '[[ "$*" != *--user=bob* ]] || echo 17'
  in_world env PAM_USER=bob /opt/trainyard/lifecycle/only_with_job.sh
  in_world env PAM_USER=alice /opt/trainyard/lifecycle/only_with_job.sh
  run in_world env PAM_USER=carol /opt/trainyard/lifecycle/only_with_job.sh
  [ "$status" -eq 1 ]
  [[ $output == 'You have no job on this node'* ]]
  answers squeue 'exit 1'
  run in_world env PAM_USER=bob /opt/trainyard/lifecycle/only_with_job.sh
  [ "$status" -eq 1 ]
}

@test "restrict-logins: sshd asks PAM, and is told so again after a try that was cut off" {
  one_step restrict-logins
  rm "$UPPER/fakes/calls"
  run one_step restrict-logins
  [ "$status" -eq 0 ]
  has_line /etc/ssh/sshd_config.d/20-trainyard-pam.conf '^UsePAM yes$'
  called '^systemctl try-reload-or-restart ssh.service$'
}

@test "restrict-logins: an sshd that does not ask PAM all the same" {
  answers sshd 'echo "usepam no"'
  run one_step restrict-logins
  [ "$status" -ne 0 ]
  [[ $(last_line) == "sshd does not take 'usepam yes': "* ]]
}
