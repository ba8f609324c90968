# Users of a directory, through sssd over TLS. The password is a secret, read here with the node's role; it stands in
# sssd.conf alone, which root alone can read, and in no log.
# shellcheck shell=bash

run() {
  local password
  need sssd "a directory of users"
  certificate
  password=$(secret)
  settings "$password" | put /etc/sssd/sssd.conf 600
  if command -v authselect >/dev/null; then
    authselect select sssd with-mkhomedir --force
  else
    pam-auth-update --enable sss mkhomedir || die "PAM does not take sssd (pam-auth-update)"
  fi
  mkdir -p "$(node get users.home)" /etc/trainyard
  {
    printf '%%%s ALL=(ALL) NOPASSWD: ALL\n' "$(node get users.admins | sed 's/ /\\ /g')"
  } >"$STATE/sudoers"
  visudo --check --quiet --file="$STATE/sudoers" || die "sudo refuses the group of admins"
  put /etc/sudoers.d/90-trainyard 440 <"$STATE/sudoers"
  echo root | put /etc/trainyard/admins 644
  node get users.admins | put /etc/trainyard/admin-group 644
  systemctl enable sssd.service
  systemctl restart sssd.service
  until_true 60 "the directory does not answer: $(node get users.admins) is no group ($(node get users.uri))" \
    getent group "$(node get users.admins)"
}

secret() {
  local found
  found=$(aws secretsmanager get-secret-value --region "$REGION" --secret-id "$(node get users.secret)" \
    --query SecretString --output text) || die "the secret $(node get users.secret) cannot be read with the node's role"
  [[ -n $found && $found != None ]] || die "the secret $(node get users.secret) has no SecretString"
  [[ $found != *$'\n'* ]] || die "the secret $(node get users.secret) has several lines: it must be the password alone"
  printf '%s' "$found"
}

certificate() {
  if wanted users.authority; then
    node get users.authority | put /etc/sssd/authority.pem 644
  fi
}

settings() {
  local groups
  groups=$(node get users.groups | paste -sd, | sed 's/,/, /g')
  cat <<SSSD
[sssd]
config_file_version = 2
services = nss, pam, ssh
domains = $(node get users.domain)

[domain/$(node get users.domain)]
id_provider = ldap
auth_provider = ldap
access_provider = simple
simple_allow_groups = $groups, $(node get users.admins)
ldap_uri = $(node get users.uri)
ldap_search_base = $(node get users.search_base)
ldap_schema = AD
ldap_id_mapping = true
ldap_referrals = false
ldap_tls_reqcert = demand
$(wanted users.authority && echo "ldap_tls_cacert = /etc/sssd/authority.pem")
ldap_default_bind_dn = $(node get users.bind_name)
ldap_default_authtok_type = password
ldap_default_authtok = $1
ldap_user_ssh_public_key = altSecurityIdentities
cache_credentials = true
enumerate = false
default_shell = /bin/bash
override_homedir = $(node get users.home)/%u
SSSD
}
