"""What a run asks of Slurm, beside what every cluster's job asks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from constructs_lib.hyperpod.jobs.places import PATH
from constructs_lib.hyperpod.jobs.runtimes import PyxisContainer, VirtualEnvironment
from constructs_lib.values import Value

_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_-]*$"


class SlurmTerms(Value):
    """What a run asks of Slurm, and what becomes of it there."""

    runtime: VirtualEnvironment | PyxisContainer
    """What the nodes run Python in."""
    output: str = Field(pattern=PATH)
    """Folder that every node sees: below it each submission has its log, hyperparameters, model and failures. Slurm
    does not make it: ``trainyard cluster submit`` does."""
    time_limit_minutes: int = Field(ge=4, le=365 * 24 * 60)
    """Time of one stay on the nodes, in minutes; the trainer saves in the last two."""
    at_limit: Literal["requeue", "end"] = "requeue"
    """Whether a run that was saved at the limit queues for another stay, the default, or ends there."""
    retries: int = Field(default=2, ge=0, le=100)
    """How often a submission that failed queues again, twice by default: a rank was killed, and its node stayed. Lost
    nodes do not count, and what every node refuses before it trains is not tried again."""
    partition: str | None = Field(default=None, pattern=_NAME)
    """Partition; the cluster's default by default."""
    account: str | None = Field(default=None, pattern=_NAME)
    """Account of Slurm that pays; the user's own by default."""
