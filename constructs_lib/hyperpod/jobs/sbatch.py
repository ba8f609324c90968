"""The sbatch script of a job: it starts the launcher once a node, survives lost nodes, and ends in time.

Sources, read 2026-11-22: sbatch(1), srun(1), scancel(1) and slurm.conf(5), Slurm 22.05; "Automatic node recovery and
auto-resume" (an option of srun that only HyperPod's Slurm has, for nodes held exclusively) and "Running jobs on
HyperPod", SageMaker AI Developer Guide; README of NVIDIA/pyxis 0.20 for the options of containers.
"""

from __future__ import annotations

import json
import shlex

from constructs_lib.hyperpod.jobs.base import ClusterJob
from constructs_lib.hyperpod.jobs.runtimes import PyxisContainer, VirtualEnvironment
from constructs_lib.hyperpod.jobs.slurm_terms import SlurmTerms
from constructs_lib.training.channels import StreamChannel
from ml_contract.clusters import jobs as contract
from ml_contract.exit_codes import ExitCode
from ml_contract.hyperparameters import encode
from ml_contract.instances import instance
from ml_contract.paths import ContainerPaths
from ml_contract.prometheus import FOLDER, FOLDER_VARIABLE

SAVE_SECONDS = 120
"""What the trainer gets to save before a job's time is over: SageMaker's own grace, which its budget is made for."""
FAILURE = ContainerPaths().failure.relative_to(ContainerPaths().base)
"""Where a node says why it failed, below its own folder."""
_REQUEUE = 'scontrol requeue "$SLURM_JOB_ID"'


def text(job: ClusterJob, terms: SlurmTerms) -> str:
    """The script, the same for the same job and terms: it names no token, clock or random name."""
    parts = (_directives(job, terms), _preparation(job, terms), _step(job, terms.runtime), _end(terms))
    return "\n".join(line for part in parts for line in (*part, ""))


def _directives(job: ClusterJob, terms: SlurmTerms) -> list[str]:
    kind = instance(job.resources.instance_type)
    options = {
        "job-name": job.name,
        "nodes": job.resources.instance_count,
        "ntasks-per-node": 1,
        # Without them HyperPod does not replace a node under a job, and another job would take what this one has.
        "exclusive": None,
        "mem": 0,
        **({"gpus-per-node": kind.accelerators} if kind.accelerators else {}),
        "time": terms.time_limit_minutes,
        **({"partition": terms.partition} if terms.partition else {}),
        **({"account": terms.account} if terms.account else {}),
        "output": f"{terms.output}/{job.name}-%j.log",
        "open-mode": "append",
        # A node that is lost takes its job with it: Slurm queues it again, under the same number.
        "requeue": None,
        "signal": f"B:USR1@{SAVE_SECONDS}",
    }
    lines = [f"#SBATCH --{name}" + ("" if value is None else f"={value}") for name, value in options.items()]
    return ["#!/bin/bash", *lines]


def _preparation(job: ClusterJob, terms: SlurmTerms) -> list[str]:
    document = json.dumps(encode(job.run), indent=1)
    exports = [f"export {name}={shlex.quote(value)}" for name, value in job.environment.items()]
    needed = [contract.CODE, contract.CHECKPOINTS]
    needed += [contract.STREAM] if isinstance(job.data, StreamChannel) else []
    needed += [contract.IMAGE] if job.image else []
    return [
        "set -euo pipefail",
        *(f': "${{{name}:?is not set: take trainyard cluster submit {job.name}}}"' for name in needed),
        f'run=${{{contract.RUN}:-$SLURM_JOB_ID}}',
        "if [[ ! $run =~ ^[A-Za-z0-9._-]+$ ]]; then",
        f'  echo "{contract.RUN}: got $run, but it names a folder: letters, digits and ._- alone" >&2',
        "  exit 2",
        "fi",
        f'kept={terms.output}/{job.name}/$run',
        'mkdir -p "$kept"',
        # Of an earlier stay, perhaps on other nodes.
        'rm -rf "$kept/hosts"',
        f"code=${contract.CODE}",
        "if [[ $code == s3://* ]]; then",
        '  code=$kept/code',
        '  rm -rf "$code" && mkdir -p "$code"',
        f'  aws s3 cp --only-show-errors "${contract.CODE}" - | tar -xz -C "$code"',
        "fi",
        # A quoted word: nothing in the document means anything to the shell.
        "cat >\"$kept/hyperparameters.json\" <<'HYPERPARAMETERS'",
        document,
        "HYPERPARAMETERS",
        'export PYTHONPATH=$code PYTHONUNBUFFERED=1',
        # Nodes have the folder where somebody reads what lies there: all of them, or none.
        f"if [[ -d {FOLDER} ]]; then export {FOLDER_VARIABLE}={FOLDER}; fi",
        *exports,
    ]  # fmt: skip


def _step(job: ClusterJob, runtime: VirtualEnvironment | PyxisContainer) -> list[str]:
    python = f"{runtime.path}/bin/python" if isinstance(runtime, VirtualEnvironment) else "python"
    lines = [
        "step=(srun --kill-on-bad-exit=1)",
        # HyperPod's own srun replaces a faulty node and starts the step again, without a place in the queue.
        'if [[ $(srun --help 2>&1) == *--auto-resume* ]]; then step+=(--auto-resume=1); fi',
    ]  # fmt: skip
    if isinstance(runtime, PyxisContainer):
        mounts = ",".join(f"{mount}:{mount}" for mount in runtime.mounts)
        # Enroot parts a registry from an image by #.
        lines.append(f'step+=(--container-image="${{{contract.IMAGE}/\\//#}}")')
        figures = f"${{{FOLDER_VARIABLE}:+,{FOLDER}:{FOLDER}}}"
        lines.append(f'step+=("--container-mounts={mounts}{figures}")')
    data = () if isinstance(job.data, StreamChannel) else job.data
    arguments = [
        f"--instance-type {job.resources.instance_type}",
        f"--free-gib {job.resources.volume_gib}",
        '--kept "$kept"',
        '--hyperparameters "$kept/hyperparameters.json"',
        *(f"--channel {channel.name}={channel.path}" for channel in data),
    ]
    return [*lines, f"step+=({python} -m training_code.launcher.slurm", *(f"  {one}" for one in arguments), ")"]


def _end(terms: SlurmTerms) -> list[str]:
    again = terms.at_limit == "requeue"
    return [
        # USR1 reaches this shell alone, before the limit; the ranks are told as SageMaker tells them. TERM, when
        # the job is cancelled or has lost a node, reaches everything: the shell then only waits.
        *(["limit="] if again else []),
        "ended=",
        f"trap '{'limit=yes; ' if again else ''}scancel --signal=TERM \"$SLURM_JOB_ID\"' USR1",
        "trap 'ended=yes' TERM",
        '"${step[@]}" &',
        "child=$!",
        'while kill -0 "$child" 2>/dev/null; do wait "$child" || true; done',
        "status=0",
        'wait "$child" || status=$?',
        # srun gives the highest code: that of nodes which it told to end, when another one failed.
        f'if [[ $status -eq {ExitCode.INTERRUPTED:d} ]] && compgen -G "$kept/hosts/*/{FAILURE}" >/dev/null; then',
        f"  status={ExitCode.TRAINING_FAILED:d}",
        "fi",
        "case $status in",
        f"  0 | {ExitCode.CONTRACT_BROKEN:d} | {ExitCode.IMAGE_LACKS_MODULE:d}) ;;",
        f"  {ExitCode.INTERRUPTED:d})" + (f" if [[ -n $limit ]]; then {_REQUEUE}; fi" if again else "") + " ;;",
        "  *)",
        '    if [[ -n $ended ]]; then exit "$status"; fi',
        '    echo "exit code $status at $(date --utc +%FT%TZ)" >>"$kept/failures"',
        f'    if [[ $(wc -l <"$kept/failures") -le {terms.retries} ]]; then {_REQUEUE}; fi ;;',
        "esac",
        'exit "$status"',
    ]  # fmt: skip
