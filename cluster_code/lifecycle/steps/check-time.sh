# Certificates, signed requests and Slurm's credentials (munge: 300 s) break on a clock that is wrong.
# shellcheck shell=bash

run() {
  # Waits itself: 55 looks, 2 s apart, until less than half a second is to be corrected.
  chronyc -h 127.0.0.1,::1 waitsync 55 0.5 0 2 >/dev/null || die "the clock is not synchronised after 110 s (chronyc waitsync)"
}
