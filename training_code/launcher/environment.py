"""Environment variables of the workers: how ranks reach each other, and threads.

Sources, read 2026-11: NCCL "Environment Variables"; libfabric fi_efa(7); "Environment variables" in aws-ofi-nccl;
the gloo part of "Distributed communication package", PyTorch.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ml_contract.instances import InstanceType
from ml_contract.resources import ResourceConfig

CUDA_COMPAT = Path("/usr/local/bin/start_cuda_compat.sh")
"""Of the deep-learning images. Their own entrypoint sources it; ours takes its place, so it does too."""

_TRUE = ("1", "true", "yes", "on")
_TOOLKIT_MARK = "SM_TRAINING_ENV"
_FORCED_BY_TOOLKIT = {"NCCL_PROTO": "simple", "NCCL_IB_DISABLE": "1"}
"""What sagemaker-training 5.1 writes over a job's own values, for hardware of its time."""


def communication(resources: ResourceConfig, kind: InstanceType, current: Mapping[str, str]) -> dict[str, str]:
    """Variables for NCCL, gloo and EFA that are to be set, ``""`` for one to be removed.

    A value that the job set stays, with two exceptions where it cannot be the job's wish: RDMA demanded from an adapter
    without RDMA, which libfabric answers by aborting the process, and what the SageMaker toolkit forces when it runs
    this launcher.
    """
    wanted = dict.fromkeys(("NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME"), resources.network_interface_name)
    if kind.has_efa:
        wanted["FI_PROVIDER"] = "efa"
    if kind.device_rdma:
        wanted["FI_EFA_USE_DEVICE_RDMA"] = "1"
    chosen = {name: value for name, value in wanted.items() if not current.get(name)}
    if not kind.device_rdma and current.get("FI_EFA_USE_DEVICE_RDMA", "").lower() in _TRUE:
        chosen["FI_EFA_USE_DEVICE_RDMA"] = ""
    if _TOOLKIT_MARK in current:
        chosen |= {name: "" for name, value in _FORCED_BY_TOOLKIT.items() if current.get(name) == value}
    return chosen


def threads(kind: InstanceType, current: Mapping[str, str], *, available: int | None = None) -> dict[str, str]:
    """OMP_NUM_THREADS unless the job set it: physical cores divided by ranks. Two vCPUs share one core.

    Args:
        kind: The instance type.
        current: The environment so far.
        available: Processors that this container may use; None asks the system. It binds where a container got less.
    """
    if current.get("OMP_NUM_THREADS"):
        return {}
    usable = min(kind.vcpus // 2, len(os.sched_getaffinity(0)) if available is None else available)
    return {"OMP_NUM_THREADS": str(max(1, usable // kind.processes))}


def cuda_compat(current: Mapping[str, str], script: Path = CUDA_COMPAT) -> dict[str, str]:
    """LD_LIBRARY_PATH as the image's CUDA-compat step sets it for an older driver; nothing where there is no step."""
    if not script.is_file():
        return {}
    finished = subprocess.run(
        ["bash", "-c", '. "$1" >&2; printf %s "${LD_LIBRARY_PATH-}"', "bash", str(script)],
        env=dict(current), stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    found = finished.stdout
    if finished.returncode or found == current.get("LD_LIBRARY_PATH", ""):
        return {}
    return {"LD_LIBRARY_PATH": found}


def apply(changes: Mapping[str, str], current: Mapping[str, str]) -> dict[str, str]:
    """The environment with changes; ``""`` removes a variable."""
    merged = {**current, **changes}
    return {name: value for name, value in merged.items() if value or changes.get(name) is None}
