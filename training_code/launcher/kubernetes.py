"""The launcher's way in on Kubernetes: the operator's environment becomes the files of SageMaker's contract.

A pod knows how many hosts there are, and not which of them it is: the operator ranks the pods when their agents are
ready, and again when it replaces one. So the file's hosts are this pod and placeholders for the others.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from ml_contract.clusters import jobs, pods
from ml_contract.errors import ContractError, reject
from ml_contract.exit_codes import ExitCode
from ml_contract.paths import ContainerPaths
from training_code import failure
from training_code.launcher.job import ImageLacksModule

INTERFACES = Path("/sys/class/net")


def main() -> int:
    """Write the files and become the launcher, or say in one line why not."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    paths = ContainerPaths.from_environment(os.environ)
    try:
        check_agent()
        write(paths, os.environ, interface())
    except ContractError as error:
        reason = failure.describe(error)
        print(f"launcher: {reason}", file=sys.stderr, flush=True)
        tell(reason)
        return ExitCode.IMAGE_LACKS_MODULE if isinstance(error, ImageLacksModule) else ExitCode.CONTRACT_BROKEN
    # The name by which figures of all its pods and restarts are one run's.
    _become({**os.environ, pods.AGENT: pods.HYPERPOD, "TRAINING_JOB_NAME": os.environ[jobs.RUN]})


def _become(environment: dict[str, str]) -> NoReturn:
    os.execve(sys.executable, [sys.executable, "-m", "training_code.launcher"], environment)  # noqa: S606


def check_agent() -> None:
    """Raises ImageLacksModule where the image holds no agent, and the operator would wait for one."""
    if importlib.util.find_spec(pods.AGENT_MODULE) is None:
        raise ImageLacksModule(
            "image", pods.AGENT_MODULE, "the training operator starts ranks through it",
            "Build images/hyperpod/Dockerfile.",
        )  # fmt: skip


def write(paths: ContainerPaths, environment: Mapping[str, str], network: str) -> None:
    """Write what SageMaker would, and lead its channels' folders to the mounted ones.

    Args:
        paths: Where.
        environment: As the manifest and the operator made it.
        network: Interface by which the pods reach each other.

    Raises:
        ContractError: A variable is missing or no JSON, or a channel's folder is not mounted.
    """
    paths.config.mkdir(parents=True, exist_ok=True)
    pod, count = _given(environment, pods.POD), _count(environment)
    hosts = [pod, *(f"unranked-{number:04d}" for number in range(2, count + 1))]
    channels = _object(environment, pods.CHANNELS)
    _write(paths.resource_config, {
        "current_host": pod, "hosts": hosts, "network_interface_name": network,
        "current_instance_type": _given(environment, pods.INSTANCE_TYPE),
    })  # fmt: skip
    _write(paths.hyperparameters, _hyperparameters(environment))
    _write(paths.input_data_config, {name: {"TrainingInputMode": "File"} for name in channels})
    for name, folder in channels.items():
        _link(paths.channel(name), Path(folder), name)


def _hyperparameters(environment: Mapping[str, str]) -> dict[str, Any]:
    found = _object(environment, pods.HYPERPARAMETERS)
    # Restarts keep the manifest, so they find the checkpoints of the pods before them.
    folder = _given(environment, jobs.RUN)
    found["checkpoint_uri"] = f"{_given(environment, jobs.CHECKPOINTS).rstrip('/')}/{folder}"
    if stream := environment.get(jobs.STREAM):
        loading = json.loads(found.get("loading", "{}"))
        found["loading"] = json.dumps({**loading, "stream_uri": stream})
    return found


def interface(folder: Path = INTERFACES) -> str:
    """The pod's interface: eth0 by the VPC's plug-in, else the only one beside loopback.

    Raises:
        ContractError: There is none, or more than one of other names.
    """
    found = sorted(path.name for path in folder.iterdir() if path.name != "lo")
    if "eth0" in found:
        return "eth0"
    if len(found) != 1:
        reject("network interface", found, "a pod has one", "Leave hostNetwork out of the manifest.")
    return found[0]


def tell(reason: str, log: Path = Path(pods.TERMINATION_LOG)) -> None:
    """Show a reason as the message of the container's state; nothing outside a pod."""
    if log.is_file():
        log.write_bytes(reason.encode()[: pods.TERMINATION_LIMIT])


def _count(environment: Mapping[str, str]) -> int:
    text = _given(environment, pods.NODES)
    if not text.isdigit() or int(text) < 1:
        reject(pods.NODES, text, "the operator sets it to the number of pods", "Submit a HyperPodPyTorchJob.")
    return int(text)


def _given(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value or value.startswith("${"):
        reject(name, value, "a pod of a training job has it", "Submit the job with `trainyard cluster submit`.")
    return value


def _object(environment: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        found = json.loads(_given(environment, name))
    except json.JSONDecodeError as error:
        reject(name, environment[name][:80], f"it must be JSON ({error})", "Publish the job again.")
    if not isinstance(found, dict):
        reject(name, type(found).__name__, "it must be a JSON object", "Publish the job again.")
    return found


def _write(path: Path, document: Mapping[str, Any]) -> None:
    # Whole or not there: a container that begins again may find the file of the one before.
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document))
    part.replace(path)


def _link(link: Path, folder: Path, name: str) -> None:
    if not folder.is_dir():
        reject(f"channel {name}", str(folder), "the folder is not there", "Mount its volume, or correct the path.")
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink():
        link.unlink()
    if link != folder:
        link.symlink_to(folder)


if __name__ == "__main__":
    sys.exit(main())
