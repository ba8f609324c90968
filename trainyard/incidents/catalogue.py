"""All incidents there are."""

from __future__ import annotations

from typing import Final

from ml_contract.errors import reject
from trainyard.incidents.bad_model import BadModel
from trainyard.incidents.capacity_shortage import CapacityShortage
from trainyard.incidents.corrupt_checkpoint import CorruptCheckpoint
from trainyard.incidents.deleted_key import DeletedKey
from trainyard.incidents.expired_image import ExpiredImage
from trainyard.incidents.incident import Incident
from trainyard.incidents.node_loss import NodeLoss
from trainyard.incidents.runaway_cost import RunawayCost
from trainyard.incidents.s3_throttling import S3Throttling
from trainyard.incidents.spot_storm import SpotStorm

INCIDENTS: Final[tuple[type[Incident], ...]] = (
    SpotStorm, CorruptCheckpoint, S3Throttling, NodeLoss, CapacityShortage, BadModel, RunawayCost, ExpiredImage,
    DeletedKey,
)  # fmt: skip


def incident(name: str) -> Incident:
    """The incident of a name.

    Raises:
        ContractError: There is none of that name.
    """
    for kind in INCIDENTS:
        if kind.name == name:
            return kind()
    known = ", ".join(sorted(kind.name for kind in INCIDENTS))
    reject("incident", name, "there is no such incident", f"Give one of {known}.")
