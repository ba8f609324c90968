"""Jobs of Slurm: an sbatch script that starts the launcher once a node, survives lost nodes, and ends in time.

Sources, read 2026-11-22: sbatch(1), srun(1), scancel(1) and slurm.conf(5), Slurm 22.05; "Automatic node recovery and
auto-resume" (an option of srun that only HyperPod's Slurm has, for nodes held exclusively) and "Running jobs on
HyperPod", SageMaker AI Developer Guide; README of NVIDIA/pyxis 0.20 for the options of containers.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from abc import ABC
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from constructs_lib.hyperpod.jobs.base import ClusterJob
from constructs_lib.hyperpod.jobs.places import PATH, FolderCode, SharedCheckpoints
from constructs_lib.training import strategy
from constructs_lib.training.channels import StreamChannel
from constructs_lib.training.image import ContainerImage
from constructs_lib.values import Value
from ml_contract.clusters import jobs as contract
from ml_contract.errors import reject
from ml_contract.exit_codes import ExitCode
from ml_contract.hyperparameters import encode
from ml_contract.images import SMDDP, SMP
from ml_contract.instances import instance
from ml_contract.paths import ContainerPaths
from ml_contract.prometheus import FOLDER, FOLDER_VARIABLE

SAVE_SECONDS = 120
"""What the trainer gets to save before a job's time is over: SageMaker's own grace, which its budget is made for."""
FAILURE = ContainerPaths().failure.relative_to(ContainerPaths().base)
"""Where a node says why it failed, below its own folder."""
_REQUEUE = 'scontrol requeue "$SLURM_JOB_ID"'
_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_-]*$"


class Runtime(Value, ABC):
    """What the nodes run Python in."""


class VirtualEnvironment(Runtime):
    """Packages on a file system that every node sees."""

    path: str = Field(pattern=PATH)
    """The environment's folder; its interpreter is ``bin/python``."""


class PyxisContainer(Runtime):
    """A container that Enroot makes from an image of a registry."""

    image: ContainerImage
    """The image; nodes need credentials for its registry."""
    mounts: tuple[str, ...] = Field(min_length=1)
    """Folders of a node that the container sees at the same path; those of code, data and output among them."""


class SlurmJob(ClusterJob):
    """A training run as an sbatch script."""

    kind: ClassVar[contract.Kind] = "slurm"

    runtime: VirtualEnvironment | PyxisContainer
    """What the nodes run Python in."""
    output: str = Field(pattern=PATH)
    """Folder that every node sees: below it each submission has its log, hyperparameters, model and failures. Slurm
    does not make it: ``trainyard cluster submit`` does."""
    time_limit_minutes: int = Field(ge=4, le=365 * 24 * 60)
    """Time of one stay on the nodes, in minutes; the trainer saves in the last two."""
    at_limit: Literal["requeue", "end"] = "requeue"
    """Whether a run that was saved at the limit queues for another stay, the default, or ends there."""
    retries: int = Field(default=2, ge=0, le=100)
    """How often a submission that failed queues again, twice by default: a rank was killed, and its node stayed. Lost
    nodes do not count, and what every node refuses before it trains is not tried again."""
    partition: str | None = Field(default=None, pattern=_NAME)
    """Partition; the cluster's default by default."""
    account: str | None = Field(default=None, pattern=_NAME)
    """Account of Slurm that pays; the user's own by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.run.checkpointing.memory is not None:
            reject("run.checkpointing.memory", "MemoryTier", "tiered checkpoints are for clusters that Kubernetes"
                   " schedules; Slurm requeues to any nodes, and nothing frees the memory of those that are left",
                   "Leave it out, or take an EKS cluster.")  # fmt: skip
        modules = set(self.run.strategy.modules) & (SMP.modules | SMDDP.modules)
        if isinstance(self.runtime, VirtualEnvironment):
            if modules:
                kind = self.run.strategy.kind
                reject("runtime", self.runtime.path, f"the strategy {kind} needs {min(modules)} of AWS's own images",
                       "Take PyxisContainer(image=DeepLearningImage(image=…), …).")  # fmt: skip
            return self
        for field, path in self._places():
            if not any(f"{path}/".startswith(f"{mount}/") for mount in self.runtime.mounts):
                reject(field, path, f"the container sees {', '.join(self.runtime.mounts)} alone",
                       "Add the folder to runtime.mounts.")  # fmt: skip
        return self

    def _places(self) -> list[tuple[str, str]]:
        found = [("output", self.output)]
        if isinstance(self.code, FolderCode):
            found.append(("code.path", self.code.path))
        if isinstance(self.checkpoints, SharedCheckpoints):
            found.append(("checkpoints.path", self.checkpoints.path))
        if not isinstance(self.data, StreamChannel):
            found += [(f"data.{channel.name}", channel.path) for channel in self.data]
        return found

    @property
    def image(self) -> ContainerImage | None:
        return self.runtime.image if isinstance(self.runtime, PyxisContainer) else None

    @property
    def bound(self) -> strategy.StrategyBinding:
        found = super().bound
        if self.image is not None:
            return found
        # What an image may lack is said of one that this job does not run in.
        return dataclasses.replace(found, notes=tuple(note for note in found.notes if not note.startswith("image:")))

    def text(self) -> str:
        return "\n".join([*self._directives(), "", *self._preparation(), "", *self._step(), "", *self._end(), ""])

    def _directives(self) -> list[str]:
        kind = instance(self.resources.instance_type)
        options = {
            "job-name": self.name,
            "nodes": self.resources.instance_count,
            "ntasks-per-node": 1,
            # Without them HyperPod does not replace a node under a job, and another job would take what this one has.
            "exclusive": None,
            "mem": 0,
            **({"gpus-per-node": kind.accelerators} if kind.accelerators else {}),
            "time": self.time_limit_minutes,
            **({"partition": self.partition} if self.partition else {}),
            **({"account": self.account} if self.account else {}),
            "output": f"{self.output}/{self.name}-%j.log",
            "open-mode": "append",
            # A node that is lost takes its job with it: Slurm queues it again, under the same number.
            "requeue": None,
            "signal": f"B:USR1@{SAVE_SECONDS}",
        }
        lines = [f"#SBATCH --{name}" + ("" if value is None else f"={value}") for name, value in options.items()]
        return ["#!/bin/bash", *lines]

    def _preparation(self) -> list[str]:
        document = json.dumps(encode(self.run), indent=1)
        exports = [f"export {name}={shlex.quote(value)}" for name, value in self.environment.items()]
        needed = [contract.CODE, contract.CHECKPOINTS]
        needed += [contract.STREAM] if isinstance(self.data, StreamChannel) else []
        needed += [contract.IMAGE] if self.image else []
        return [
            "set -euo pipefail",
            *(f': "${{{name}:?is not set: take trainyard cluster submit {self.name}}}"' for name in needed),
            f'run=${{{contract.RUN}:-$SLURM_JOB_ID}}',
            "if [[ ! $run =~ ^[A-Za-z0-9._-]+$ ]]; then",
            f'  echo "{contract.RUN}: got $run, but it names a folder: letters, digits and ._- alone" >&2',
            "  exit 2",
            "fi",
            f'kept={self.output}/{self.name}/$run',
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

    def _step(self) -> list[str]:
        runtime = self.runtime
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
        data = () if isinstance(self.data, StreamChannel) else self.data
        arguments = [
            f"--instance-type {self.resources.instance_type}",
            f"--free-gib {self.resources.volume_gib}",
            '--kept "$kept"',
            '--hyperparameters "$kept/hyperparameters.json"',
            *(f"--channel {channel.name}={channel.path}" for channel in data),
        ]
        return [*lines, f"step+=({python} -m training_code.launcher.slurm", *(f"  {one}" for one in arguments), ")"]

    def _end(self) -> list[str]:
        again = self.at_limit == "requeue"
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
            f'    if [[ $(wc -l <"$kept/failures") -le {self.retries} ]]; then {_REQUEUE}; fi ;;',
            "esac",
            'exit "$status"',
        ]  # fmt: skip
