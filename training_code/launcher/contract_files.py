"""SageMaker's files for a container, written by the node itself where no SageMaker does: on a cluster."""

from __future__ import annotations

import fcntl
import json
import shutil
import socket
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from ml_contract.errors import reject
from ml_contract.paths import ContainerPaths

_SIOCGIFADDR = 0x8915
"""ioctl: the IPv4 address of an interface (netdevice(7))."""


def write(
    paths: ContainerPaths,
    *,
    hosts: Sequence[str],
    current: str,
    instance_type: str,
    interface: str,
    hyperparameters: Mapping[str, str],
    channels: Mapping[str, Path],
    kept: Path,
) -> None:
    """Lay out /opt/ml for one host; what an earlier attempt left there goes.

    Args:
        paths: Of the host; its own, whatever else the hosts share.
        hosts: Names of all hosts.
        current: Name of this one.
        instance_type: Its type, ``ml.…``.
        interface: By which the hosts reach each other.
        hyperparameters: As strings.
        channels: Folders of data by channel.
        kept: Folder that outlives the job and that all hosts share: model and other output go there.

    Raises:
        ContractError: A channel's folder does not exist.
    """
    shutil.rmtree(paths.base, ignore_errors=True)
    paths.config.mkdir(parents=True)
    for name, folder in channels.items():
        if not folder.is_dir():
            reject(f"channel {name}", str(folder), "the folder does not exist on this node",
                   "Mount its file system, or correct the job's data.")  # fmt: skip
        _link(paths.channel(name), folder)
    for output in (paths.model, paths.output_data, paths.tensorboard):
        lasting = kept / output.relative_to(paths.base)
        lasting.mkdir(parents=True, exist_ok=True)
        _link(output, lasting)
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": list(hosts)}
    resources = {
        "current_host": current, "current_instance_type": instance_type, "current_group_name": "homogeneousCluster",
        "hosts": list(hosts), "instance_groups": [group], "network_interface_name": interface,
    }  # fmt: skip
    inputs = {name: {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"} for name in channels}
    for path, content in (
        (paths.hyperparameters, dict(hyperparameters)), (paths.resource_config, resources),
        (paths.input_data_config, inputs),
    ):  # fmt: skip
        path.write_text(json.dumps(content, indent=1))


def with_places(hyperparameters: Mapping[str, str], *, checkpoints: str, stream: str | None) -> dict[str, str]:
    """Hyperparameters of a run with what only its submission knows.

    Args:
        hyperparameters: As ``ml_contract.hyperparameters.encode`` wrote them.
        checkpoints: Where this submission's checkpoints go.
        stream: What is read from S3; None where data lies in folders.
    """
    placed = {**hyperparameters, "checkpoint_uri": checkpoints}
    if stream is not None:
        placed["loading"] = json.dumps({**json.loads(hyperparameters["loading"]), "stream_uri": stream})
    return placed


def interface(current: str, hosts: Sequence[str]) -> str:
    """The interface by which this host reaches the others.

    Raises:
        ContractError: A name is not known, or no interface has the address.
    """
    # A datagram socket sends nothing when it connects: the kernel only looks for the way.
    other = next((host for host in hosts if host != current), current)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((other, 9))
            address = probe.getsockname()[0]
            for _, name in socket.if_nameindex():
                if _address(probe, name) == address:
                    return name
    except OSError as error:
        reject("hosts", other, f"{current} finds no way to it ({error})", "Let every node resolve every other's name.")
    reject("network interface", address, f"no interface of {current} has this address", "Check the node's network.")


def _address(probe: socket.socket, name: str) -> str | None:
    try:
        answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
    except OSError:
        return None
    return socket.inet_ntoa(answer[20:24])


def _link(place: Path, target: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target.absolute(), target_is_directory=True)
