"""What a node of a cluster sees: the machine's system with layers over it, and every write on a disk of its own."""

import os
from pathlib import Path
from typing import Any

from trainyard.local.namespaces.calls import MS_BIND, MS_MOVE, MS_PRIVATE, MS_REC, bind, call, mount

_VIRTUAL = {"proc", "sysfs", "devtmpfs", "devpts", "tmpfs", "cgroup", "cgroup2", "mqueue", "overlay", "securityfs"}
"""File systems that a node gets anew, or does without."""
_ANEW = ("/proc", "/sys", "/dev", "/run")


def furnish(orders: dict[str, Any]) -> None:
    """Lays out this mount namespace and makes the node's root its root.

    Raises:
        OSError: the kernel refuses, most often as the node's folder lies on an overlay itself.
    """
    disks = _disks()
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    root, upper, work = (Path(orders["disk"], name) for name in ("root", "upper", "work"))
    for folder in (root, upper, work):
        folder.mkdir(parents=True, exist_ok=True)
    lower = ":".join([*_layers(orders["layers"], Path(orders["disk"], "layers")), "/"])
    mount("overlay", str(root), "overlay", options=f"lowerdir={lower},upperdir={upper},workdir={work}")
    for disk in disks:
        bind(disk, str(root) + disk, readonly=True)
    mount("/dev", f"{root}/dev", flags=MS_BIND | MS_REC)
    mount("tmpfs", f"{root}/dev/shm", "tmpfs", options="mode=1777")  # noqa: S108 - a node has its own
    mount("tmpfs", f"{root}/run", "tmpfs", options="mode=755")
    mount("sysfs", f"{root}/sys", "sysfs")
    for entry in orders["mounts"]:
        target = Path(str(root) + entry["target"])
        target.mkdir(parents=True, exist_ok=True)
        bind(entry["source"], str(target), readonly=entry["readonly"])
    bind(orders["hosts_file"], f"{root}/etc/hosts")
    name = orders["name"].encode()
    call("sethostname", name, len(name))
    os.chdir(root)
    mount(".", "/", flags=MS_MOVE)
    os.chroot(".")
    os.chdir("/")


def _layers(layers: list[str], scaffold: Path) -> list[str]:
    """The layers as one file system of their own: the kernel takes no layer that is a folder of another one."""
    if not layers:
        return []
    empty, joined = scaffold / "empty", scaffold / "joined"
    for folder in (empty, joined):
        folder.mkdir(parents=True, exist_ok=True)
    mount("overlay", str(joined), "overlay", options=f"lowerdir={':'.join([*layers, str(empty)])}")
    return [str(joined)]


def _disks() -> list[str]:
    """Folders below / with a file system of their own, which an overlay of / does not show."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, kind = line.partition(" - ")
        place = fields.split()[4].encode().decode("unicode_escape")
        if place != "/" and not place.startswith(_ANEW) and kind.split()[0] not in _VIRTUAL and Path(place).is_dir():
            found.append(place)
    return found
