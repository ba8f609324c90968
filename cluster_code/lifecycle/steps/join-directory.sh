# Users of a directory, through sssd over TLS. The password is a secret, read here with the node's role; it stands in
# sssd.conf alone, which root alone can read, and in no log.
# shellcheck shell=bash

run() {
  local password told domain uri search_base bind_name secret groups admins home
  told=$(each users domain uri search_base bind_name secret groups admins home)
  IFS=$FIELDS read -r domain uri search_base bind_name secret groups admins home <<<"$told"
  need sssd "a directory of users"
  certificate
  password=$(password)
  settings "$password" | put /etc/sssd/sssd.conf 600
  if command -v authselect >/dev/null; then
    authselect select sssd with-mkhomedir --force
  else
    pam-auth-update --enable sss mkhomedir || die "PAM does not take sssd (pam-auth-update)"
  fi
  mkdir -p "$home" /etc/trainyard
  {
    printf '%%%s ALL=(ALL) NOPASSWD: ALL\n' "$admins"
  } >"$STATE/sudoers"
  visudo --check --quiet --file="$STATE/sudoers" || die "sudo refuses the group of admins"
  put /etc/sudoers.d/90-trainyard 440 <"$STATE/sudoers"
  echo root | put /etc/trainyard/admins 644
  put /etc/trainyard/admin-group 644 <<<"$admins"
  systemctl enable sssd.service
  systemctl restart sssd.service
  until_true 60 "the directory does not answer: $admins is no group ($uri)" \
    getent group "$admins"
}

password() {
  local found
  found=$(aws secretsmanager get-secret-value --region "$REGION" --secret-id "$secret" \
    --query SecretString --output text) || die "the secret $secret cannot be read with the node's role"
  [[ -n $found && $found != None ]] || die "the secret $secret has no SecretString"
  [[ $found != *$'\n'* ]] || die "the secret $secret has several lines: it must be the password alone"
  printf '%s' "$found"
}

certificate() {
  if wanted users.authority; then
    node get users.authority | put /etc/sssd/authority.pem 644
  fi
}

settings() {
  cat <<SSSD
[sssd]
config_file_version = 2
services = nss, pam, ssh
domains = $domain

[domain/$domain]
id_provider = ldap
auth_provider = ldap
access_provider = simple
simple_allow_groups = ${groups//$ITEMS/, }, $admins
ldap_uri = $uri
ldap_search_base = $search_base
ldap_schema = AD
ldap_id_mapping = true
ldap_referrals = false
ldap_tls_reqcert = demand
$(wanted users.authority && echo "ldap_tls_cacert = /etc/sssd/authority.pem")
ldap_default_bind_dn = $bind_name
ldap_default_authtok_type = password
ldap_default_authtok = $1
ldap_user_ssh_public_key = altSecurityIdentities
cache_credentials = true
enumerate = false
default_shell = /bin/bash
override_homedir = $home/%u
SSSD
}
