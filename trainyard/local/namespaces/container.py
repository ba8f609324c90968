"""What a container of a job sees: its own /opt/ml, name, neighbours and shared memory, over the machine's files."""

import shutil
from pathlib import Path
from typing import Any

from trainyard.local.namespaces.calls import MS_PRIVATE, MS_REC, bind, call, mount


def furnish(orders: dict[str, Any]) -> None:
    """Lays out this mount namespace.

    Raises:
        OSError: the kernel refuses.
    """
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    _provide(orders["base"], orders["scaffold"])
    if orders["size"]:
        # A disk of that many bytes, with what the platform has put there.
        mount("tmpfs", orders["base"], "tmpfs", options=f"size={orders['size']}")
        shutil.copytree(orders["tree"], orders["base"], dirs_exist_ok=True, ignore=_pipes)
        inputs = Path(orders["tree"], "input/data")
        if inputs.is_dir() and any(entry.is_fifo() for entry in inputs.iterdir()):
            bind(str(inputs), str(Path(orders["base"], "input/data")))
    else:
        bind(orders["tree"], orders["base"])
    for entry in orders["mounts"]:
        bind(entry["source"], entry["target"], readonly=entry["readonly"])
    bind(orders["hosts_file"], "/etc/hosts")
    room = f"size={orders['shared_memory']}" if orders.get("shared_memory") else None
    mount("tmpfs", "/dev/shm", "tmpfs", options=room)  # noqa: S108 - a container has its own
    name = orders["name"].encode()
    call("sethostname", name, len(name))


def keep(orders: dict[str, Any]) -> None:
    """Takes over what a container wrote on a disk of its own, when it has ended."""
    if orders["size"]:
        shutil.copytree(orders["base"], orders["tree"], dirs_exist_ok=True, ignore=_inputs)


def _pipes(folder: str, names: list[str]) -> list[str]:
    """What is neither file nor folder cannot be copied: pipes, which a mount shows where they are needed."""
    return [name for name in names if Path(folder, name).is_fifo()]


def _inputs(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "data" and Path(folder).name == "input"]


def _provide(folder: str, scaffold: str) -> None:
    """Makes `/opt/ml` exist in this mount namespace, without a trace on the machine."""
    base = Path(folder)
    if base.is_dir():
        return
    try:
        mount("overlay", str(base.parent), "overlay", options=f"lowerdir={scaffold}:{base.parent}")
    except OSError:
        # A kernel without overlay: an empty folder stays behind.
        base.mkdir(parents=True, exist_ok=True)
