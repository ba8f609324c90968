"""Slurm and containers, as far as the scripts of a node set them up.

Source: slurm.conf(5), sacctmgr(1) (Fairshare), read 2026-11-22.
"""

from __future__ import annotations

from typing import Literal

from ml_contract.checks import between, matches
from ml_contract.clusters.mounts import PATH
from ml_contract.clusters.people import NAME
from ml_contract.errors import reject
from ml_contract.values import value_object


@value_object
class Account:
    """An account of Slurm's accounting, of which a job is charged."""

    name: str
    """Lower case, digits, - and _."""
    members: tuple[str, ...]
    """Users who may charge it."""
    share: int = 1
    """Its fair share beside the others', 1 to 65,533."""

    def __post_init__(self) -> None:
        matches("slurm.accounts.name", self.name, NAME)
        between(f"slurm.accounts.{self.name}.share", self.share, 1, 65533)
        for member in self.members:
            matches(f"slurm.accounts.{self.name}.members", member, NAME)


@value_object
class Slurm:
    """What the scripts do about Slurm; partitions and nodes come from the API."""

    daemons: Literal["started-here", "started-before", "started-after"]
    """Who starts slurmctld and slurmd: these scripts (OnCreate), HyperPod before them (OnInitComplete), or the service
    after them (the embedded cloud)."""
    logins: Literal["anyone", "with-job"]
    """Who may enter a compute node over SSH: every user, or admins and users with a job there."""
    accounts: tuple[Account, ...] = ()
    """Accounts and their members; none by default, then Slurm's own default stands."""

    def __post_init__(self) -> None:
        if self.accounts and self.daemons == "started-after":
            names = [account.name for account in self.accounts]
            reject("slurm.accounts", names, "nobody answers sacctmgr before Slurm runs", "Leave accounts out.")


@value_object
class Containers:
    """Enroot and Pyxis, which the image brings; here they are told where to work."""

    cache: str | None = None
    """Folder of downloaded layers on a shared file system; the node's scratch by default."""

    def __post_init__(self) -> None:
        if self.cache is not None:
            matches("containers.cache", self.cache, PATH)
