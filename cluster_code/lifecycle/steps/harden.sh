# No passwords over SSH, no root, no forwarding of agents; keys of the cluster's owner outside of the homes. Automatic
# upgrades are off: one of the kernel would leave Lustre's and EFA's modules behind. HyperPod's UpdateClusterSoftware
# replaces the image as a whole.
# shellcheck shell=bash

run() {
  local unit
  put /etc/ssh/sshd_config.d/10-trainyard.conf 600 <<'SSHD'
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
PermitEmptyPasswords no
AllowAgentForwarding no
X11Forwarding no
MaxAuthTries 3
AuthorizedKeysFile .ssh/authorized_keys /etc/trainyard/keys/%u
SSHD
  sshd_takes 'passwordauthentication no' 'kbdinteractiveauthentication no' 'permitrootlogin no'
  for unit in unattended-upgrades.service apt-daily.timer apt-daily-upgrade.timer dnf-automatic.timer; do
    if systemctl cat "$unit" >/dev/null 2>&1; then
      systemctl disable --now "$unit"
    fi
  done
  # Addresses of all nodes are nobody else's business.
  chmod 600 "${SAGEMAKER_RESOURCE_CONFIG_PATH:-/opt/ml/config/resource_config.json}"
  put /etc/sysctl.d/90-trainyard.conf 644 <<'SYSCTL'
kernel.dmesg_restrict = 1
kernel.kptr_restrict = 1
fs.protected_hardlinks = 1
fs.protected_symlinks = 1
SYSCTL
}
