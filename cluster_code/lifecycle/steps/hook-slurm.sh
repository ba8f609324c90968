# Prolog and epilog of jobs. Their files are on each compute node; the lines that name them are in the controller's
# slurm.conf, which HyperPod's agent writes, so ours are in a file of their own beside it.
# shellcheck shell=bash

run() {
  local hooks=$INSTALLED/hooks
  put "$hooks/prolog.sh" 755 <"$LIFECYCLE/files/prolog.sh"
  put "$hooks/epilog.sh" 755 <"$LIFECYCLE/files/epilog.sh"
  {
    printf 'MOUNTS=(%s)\n' "$(node rows mounts path | tr '\n' ' ')"
    printf 'SCRATCH=%q\n' "$(wanted scratch && node get scratch.path)"
  } | put "$hooks/settings" 644
  if [[ $NODE_TYPE == controller ]]; then
    put "$SLURM/etc/trainyard.conf" 644 <<CONF
Prolog=$hooks/prolog.sh
Epilog=$hooks/epilog.sh
CONF
    if [[ $(node get slurm.daemons) != started-after ]]; then
      until_true 120 "$SLURM_CONF does not name this controller" written_by_agent
    fi
    if [[ -f $SLURM_CONF ]] && ! grep -qxi 'include trainyard.conf' "$SLURM_CONF"; then
      # A relative name: nodes that read their configuration from the controller get such files too.
      { cat "$SLURM_CONF"; printf '\ninclude trainyard.conf\n'; } | put "$SLURM_CONF" "$(stat -c %a "$SLURM_CONF")"
    fi
  fi
}

written_by_agent() {
  grep -qs "^SlurmctldHost=.*$ADDRESS" "$SLURM_CONF" || grep -qs "^SlurmctldAddr=.*$ADDRESS" "$SLURM_CONF"
}
