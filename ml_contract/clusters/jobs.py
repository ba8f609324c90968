"""A job that a cluster's stack publishes, and what its text is told when somebody submits it.

The text is a file of the app's assets and the same in every account; what only a deployment knows reaches it as
environment variables.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from ml_contract.errors import ContractError, reject
from ml_contract.values import value_object

Kind = Literal["slurm", "kubernetes"]
KINDS: tuple[Kind, ...] = ("slurm", "kubernetes")

CODE = "TRAINYARD_CODE"
"""Where the packages are: ``s3://…/code.tgz``, or a folder that every node sees."""
CHECKPOINTS = "TRAINYARD_CHECKPOINTS"
"""Where checkpoints of all submissions go, ``s3://bucket/prefix`` or ``file:///folder``; each has a folder below it."""
STREAM = "TRAINYARD_STREAM"
"""What the trainer itself reads from S3, ``s3://bucket/prefix``; unset where data lies in folders."""
IMAGE = "TRAINYARD_IMAGE"
"""The container image, as its registry names it; unset where a job runs in a virtual environment."""
RUN = "TRAINYARD_RUN"
"""Folder of a submission's checkpoints; the scheduler's own job id where unset, and in a manifest always replaced. An
earlier submission's goes on."""
VARIABLES = (CODE, CHECKPOINTS, STREAM, IMAGE)


def parameter(environment: str, cluster: str, job: str) -> str:
    """Name of the parameter in AWS Systems Manager that holds a `PublishedJob`."""
    return f"/trainyard/{environment}/clusters/{cluster}/jobs/{job}"


@value_object
class PublishedJob:
    """What the parameter says."""

    kind: Kind
    """Which scheduler takes the text: an sbatch script, or a manifest."""
    text: str
    """The text, ``s3://bucket/key``."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What it is told, by the names above. sbatch gets them as environment variables; in a manifest each stands as
    ``${NAME}`` and is replaced."""

    def __post_init__(self) -> None:
        if not self.text.startswith("s3://"):
            reject("text", self.text, "it must be s3://bucket/key", "Deploy the job again.")
        for name in self.variables:
            if name not in VARIABLES:
                reject("variables", name, f"its names are {', '.join(VARIABLES)}", "Deploy the job again.")

    def dump(self) -> str:
        """As the parameter holds it."""
        return json.dumps({"kind": self.kind, "text": self.text, "variables": dict(self.variables)}, sort_keys=True)

    @classmethod
    def load(cls, value: str) -> PublishedJob:
        """Read the parameter.

        Raises:
            ContractError: It is not what a stack wrote.
        """
        try:
            raw = json.loads(value)
            fields = {name: raw[name] for name in ("kind", "text", "variables")}
        except (ValueError, KeyError, TypeError) as error:
            reject("job", value[:80], f"it must be JSON with kind, text and variables ({error})",
                   "Deploy the job again.")  # fmt: skip
        try:
            return cls(**fields)
        except ContractError as error:
            field = error.field.removeprefix(f"{cls.__name__}.")
            raise ContractError(field, error.value, error.rule, "Deploy the job again.") from None
