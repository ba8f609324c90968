# Users enter a compute node only while a job of theirs runs there. pam_slurm_adopt would also put them into the job's
# cgroup, but no image of HyperPod brings it and nothing is compiled here: pam_exec asks squeue, and both are there.
# shellcheck shell=bash

run() {
  need squeue "the rule that only users with a job may enter"
  put "$INSTALLED/only_with_job.sh" 755 <"$LIFECYCLE/files/only_with_job.sh"
  [[ -f /etc/pam.d/sshd ]] || die "/etc/pam.d/sshd is missing"
  block /etc/pam.d/sshd <<PAM
account required pam_exec.so stdout $INSTALLED/only_with_job.sh
PAM
  put /etc/ssh/sshd_config.d/20-trainyard-pam.conf 600 <<<'UsePAM yes'
  sshd_takes 'usepam yes'
}
