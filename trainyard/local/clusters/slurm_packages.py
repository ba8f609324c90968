"""Slurm, MUNGE and MariaDB from the packages of this machine's distribution, in a folder and not on the machine.

``python -m trainyard.local.clusters.slurm_packages FOLDER`` lays the files out as a node's layer: /opt/slurm as in
HyperPod's image, the rest where Debian and Ubuntu put it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from trainyard.local.databases.packages import PACKAGES as DATABASE
from trainyard.local.databases.packages import layer_beside

PACKAGES = ("slurmctld", "slurmd", "slurmdbd", "slurm-client", "munge")
_MERGED = ("bin", "sbin", "lib", "lib64")
"""Folders that are links into /usr on the machine: as folders they would hide everything below the links."""
_SUFFIX = "-wlm"
"""What Debian appends to daemons; its maintainer scripts make the plain names."""


def default_folder() -> Path:
    """Where ``make slurm`` puts the layer; TRAINYARD_SLURM names another place."""
    named = os.environ.get("TRAINYARD_SLURM")
    return Path(named) if named else Path(__file__).parents[3] / ".trainyard" / "slurm" / "layer"


def missing(layer: Path) -> str:
    """Why there is no Slurm in a layer; empty when there is."""
    if (layer / "opt/slurm/sbin/slurmctld").is_symlink():
        return ""
    return f"there is no Slurm in {layer}: run `make slurm`"


def fetch(folder: Path) -> str:
    """Download Slurm, unpack it and lay it out; what was there is replaced.

    Args:
        folder: gets ``layer``, and apt's own state below ``apt``.

    Returns:
        Names and versions of the packages.

    Raises:
        OSError: apt is missing, or refuses.
    """
    told = unpack(folder, PACKAGES)
    _lay_out(folder.absolute() / "layer")
    return told + unpack(layer_beside(folder / "layer").parent, DATABASE)


def unpack(folder: Path, packages: Sequence[str]) -> str:
    """Download packages with what they need and this machine has not, and unpack them; what was there is replaced.

    Args:
        folder: gets ``layer``, and apt's own state below ``apt``.
        packages: their names.

    Returns:
        Names and versions of the packages.

    Raises:
        OSError: apt is missing, or refuses.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise OSError("this machine has no apt: programs of nodes come from the packages of Debian or Ubuntu")
    state, layer = folder.absolute() / "apt", folder.absolute() / "layer"
    shutil.rmtree(state, ignore_errors=True)
    shutil.rmtree(layer, ignore_errors=True)
    for name in ("lists/partial", "cache/archives/partial", "downloads"):
        (state / name).mkdir(parents=True)
    own = ["-o", f"Dir::State::lists={state}/lists", "-o", f"Dir::Cache={state}/cache", "-o", "APT::Sandbox::User=root"]
    _run(["apt-get", *own, "-qq", "update"])
    plan = _run(["apt-get", *own, "install", "-s", "--no-install-recommends", *packages])
    wanted = re.findall(r"^Inst (\S+) (?:\[\S+\] )?\((\S+)", plan, re.MULTILINE)
    if not wanted:
        # All of it is installed: the machine's own files are a node's too.
        wanted = [(name, version) for name, version in (_installed(name) for name in packages)]
    _run(["apt-get", *own, "-qq", "download", *(f"{name}={version}" for name, version in wanted)], state / "downloads")
    layer.mkdir()
    for package in sorted((state / "downloads").glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(package), str(layer)])
    shutil.rmtree(state)
    return "\n".join(f"{name} {version}" for name, version in sorted(wanted)) + "\n"


def _installed(name: str) -> tuple[str, str]:
    return name, _run(["dpkg-query", "-W", "-f", "${Version}", name])


def _lay_out(layer: Path) -> None:
    for name in _MERGED:
        folder = layer / name
        if folder.is_dir() and not folder.is_symlink():
            shutil.copytree(folder, layer / "usr" / name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(folder)
    for kind in ("bin", "sbin"):
        (layer / "opt/slurm" / kind).mkdir(parents=True)
        for program in sorted((layer / "usr" / kind).iterdir()):
            name = program.name.removesuffix(_SUFFIX)
            if name != program.name:
                (program.parent / name).symlink_to(program.name)
            (layer / "opt/slurm" / kind / name).symlink_to(f"/usr/{kind}/{name}")
    # Programs of Debian look in one place, HyperPod's image has its configuration in the other.
    (layer / "opt/slurm/etc").mkdir()
    shutil.rmtree(layer / "etc/slurm", ignore_errors=True)
    (layer / "etc/slurm").symlink_to("/opt/slurm/etc")


def _run(command: list[str], folder: Path | None = None) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    if done.returncode != 0:
        raise OSError(f"{' '.join(command[:1])}: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
    return done.stdout


if __name__ == "__main__":
    try:
        print(fetch(Path(sys.argv[1])), end="")  # noqa: T201 - a program of the Makefile
    except OSError as error:
        sys.exit(f"slurm: {error}")
