"""MariaDB from the packages of this machine's distribution, beside Slurm and like it: in a folder, for machines of
namespaces alone."""

from pathlib import Path

PACKAGES = ("mariadb-server-core", "mariadb-client-core")
"""The server without what a distribution sets up around it, and the client that this cloud administers it with."""


def layer_beside(slurm: Path) -> Path:
    """Where ``make slurm`` puts it: beside Slurm's own layer."""
    return slurm.parent / "database" / "layer"


def missing(layer: Path) -> str:
    """Why there is no MariaDB in a layer; empty when there is."""
    if (layer / "usr/sbin/mariadbd").is_file() and (layer / "usr/bin/mariadb").is_file():
        return ""
    return f"there is no MariaDB in {layer}: run `make slurm`"
