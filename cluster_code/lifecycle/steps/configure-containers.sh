# Enroot and Pyxis: the image has them (HyperPod's since 2026), here they are told where to work. A plugin that is already
# loaded is left alone: loading Pyxis twice prints a warning for each option of every srun (awsome-distributed-training
# #1207). Where slurmd reads its configuration from the controller, files that plugstack.conf includes do not come along,
# so our line stands in plugstack.conf itself.
# shellcheck shell=bash

run() {
  local scratch cache
  scratch=$(node get scratch.path)
  cache=$(node get containers.cache)
  if [[ $NODE_TYPE != compute ]]; then
    # No disk of their own to rely on.
    scratch=/var/lib/enroot
    mkdir -p "$scratch/tmp"
    chmod 1777 "$scratch/tmp"
  fi
  # All of /dev stays visible: EFA is below /dev/infiniband.
  mkdir -p "$scratch/enroot"/{runtime,data,cache} ${cache:+"$cache"}
  chmod 1777 "$scratch/enroot"/{runtime,data,cache} ${cache:+"$cache"}
  put /etc/enroot/enroot.conf 644 <<ENROOT
ENROOT_RUNTIME_PATH   $scratch/enroot/runtime/user-\$(id -u)
ENROOT_DATA_PATH      $scratch/enroot/data/user-\$(id -u)
ENROOT_CACHE_PATH     ${cache:-$scratch/enroot/cache}/user-\$(id -u)
ENROOT_CONFIG_PATH    \${HOME}/enroot
ENROOT_TEMP_PATH      $scratch/tmp
ENROOT_SQUASH_OPTIONS -noI -noD -noF -noX -no-duplicates
ENROOT_ROOTFS_WRITABLE yes
ENROOT_MOUNT_HOME     no
ENROOT_RESTRICT_DEV   no
ENROOT
  pyxis "$scratch"
}

pyxis() {
  local plugin file plugstack=$SLURM/etc/plugstack.conf
  for file in "$SLURM/lib/slurm" /usr/local/lib/slurm /usr/lib/slurm /usr/lib/x86_64-linux-gnu/slurm; do
    if [[ -f $file/spank_pyxis.so ]]; then
      plugin=$file/spank_pyxis.so
      break
    fi
  done
  [[ -n ${plugin:-} ]] || die "the image lacks Pyxis (spank_pyxis.so): take an image that has it, or leave containers out"
  if loaded_by_others "$plugstack"; then
    say "  Pyxis is loaded by the image's own plugstack.conf"
    return
  fi
  block "$plugstack" <<<"required $plugin runtime_path=/run/pyxis container_scope=job"
}

# Whether a line that is not ours loads it, in the file or in one that it includes.
loaded_by_others() {
  local file line pattern
  [[ -f $1 ]] || return 1
  line=$(awk '$0 == "# trainyard: begin" {ours = 1} !ours && !/^ *#/ {print} $0 == "# trainyard: end" {ours = 0}' "$1")
  if grep -q 'spank_pyxis\.so' <<<"$line"; then
    return 0
  fi
  while read -r pattern; do
    # Unquoted: it may be a pattern.
    for file in $pattern; do
      if grep -qs '^[^#]*spank_pyxis\.so' "$file"; then
        return 0
      fi
    done
  done < <(awk '$1 == "include" {print $2}' <<<"$line")
  return 1
}
