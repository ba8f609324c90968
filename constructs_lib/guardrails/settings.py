"""What a team may do at most, whatever its roles are granted."""

from __future__ import annotations

import difflib
from typing import Self

from pydantic import Field, model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import CATALOGUE

FAMILIES = frozenset(name.rpartition(".")[0] for name in CATALOGUE)
"""Instance families of the catalogue, for example ``ml.p5``."""


class Guardrails(Value):
    """Limits on every job, wherever the permission to start it comes from.

    The region, the network, the key and the account are the environment's own, and are no settings.
    """

    instance_families: tuple[str, ...] = Field(min_length=1)
    """Families of instances that may be started, for example ``("ml.g5", "ml.p5")``; all others are denied."""
    max_run_seconds: int = Field(ge=60, le=28 * 24 * 3600)
    """Longest run of one job in seconds; a job that names no limit is denied."""
    encrypt_traffic: bool
    """Whether jobs of several hosts must encrypt what these say to each other; EFA cannot."""
    network_isolation: bool
    """Whether containers of jobs must run without any network, which distributed training and streaming cannot."""
    trusted_accounts: tuple[str, ...] = ()
    """Accounts beside the environment's own whose buckets may be read or written; none by default, so that no public
    model and no foreign data gets in."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for family in self.instance_families:
            if family not in FAMILIES:
                close = difflib.get_close_matches(family, FAMILIES, n=1)
                reject("instance_families", family, "the instance catalogue has no type of this family",
                       f"Did you mean {close[0]}?" if close else f"It has {', '.join(sorted(FAMILIES))}.")  # fmt: skip
        if len(set(self.instance_families)) < len(self.instance_families):
            reject("instance_families", self.instance_families, "each is named once", "Remove one of the two.")
        for account in self.trusted_accounts:
            if not (len(account) == 12 and account.isascii() and account.isdigit()):
                reject("trusted_accounts", account, "an account has twelve digits", "Write it like 123456789012.")
        return self

    @property
    def keyed_families(self) -> tuple[str, ...]:
        """Its families whose volumes take a key: types with local disks encrypt them by themselves and refuse one."""
        return tuple(
            family
            for family in self.instance_families
            if any(
                name.rpartition(".")[0] == family and not found.has_local_storage for name, found in CATALOGUE.items()
            )
        )

    def check_instance(self, field: str, name: str) -> None:
        """Refuse an instance type outside the families.

        Raises:
            ContractError: With ``field`` and the way out.
        """
        if name.rpartition(".")[0] not in self.instance_families:
            reject(field, name, f"the guardrails allow {', '.join(self.instance_families)}",
                   "Take one of these, or add its family to guardrails.instance_families.")  # fmt: skip

    def check_run(self, field: str, seconds: int) -> None:
        """Refuse a run that is longer than allowed.

        Raises:
            ContractError: With ``field`` and the way out.
        """
        if seconds > self.max_run_seconds:
            reject(field, seconds, f"the guardrails allow {self.max_run_seconds} s",
                   "Shorten it, or raise guardrails.max_run_seconds.")  # fmt: skip
