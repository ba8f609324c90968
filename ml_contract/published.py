"""What an environment publishes for runs outside its pipelines, as parameters of AWS Systems Manager below one path.

The names are a contract with people and other apps: a field may be added, and none is renamed.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Self, TypeVar

from ml_contract.errors import reject
from ml_contract.values import value_object

T = TypeVar("T")
WORKLOADS = "workloads"


def path(environment: str) -> str:
    """Where the parameters of an environment are, for example ``/trainyard/dev``."""
    return f"/trainyard/{environment}"


@value_object
class PublishedWorkload:
    """What the environment's own pipeline trains a workload with."""

    image_uri: str
    """Training image."""
    instance_type: str
    """Type of the hosts, for example ``ml.g5.2xlarge``; it has a GPU where the image is for one."""
    volume_gib: int
    """Volume of a host in GiB."""


@value_object
class Published:
    """Everything that a training job needs and only the platform knows."""

    role_arn: str
    """Role of the jobs: it reads data sets, what is shared and the three prefixes below, and writes these."""
    job_prefix: str
    """What the name of every job starts with, for example ``adhoc-dev-``."""
    subnet_ids: tuple[str, ...]
    """Private subnets that the jobs run in."""
    security_group_ids: tuple[str, ...]
    """Groups of their hosts."""
    key_arn: str
    """Key of buckets, artifacts and volumes."""
    datasets_uri: str
    """What the pipelines prepared, below folders of the workload and the execution; to be read only."""
    shared_uri: str
    """What is there before every run, such as weights to start from; to be read only."""
    data_uri: str
    """Where a run may keep data of its own, ``s3://bucket/adhoc``."""
    checkpoints_uri: str
    """Where its checkpoints go."""
    artifacts_uri: str
    """Where its code and its artifacts go."""
    workloads: Mapping[str, PublishedWorkload] = field(default_factory=dict)
    """By the name that stacks and pipelines carry, for example ``bytes-lm``."""

    def parameters(self) -> dict[str, str | tuple[str, ...]]:
        """Values by name below the path, for example ``role-arn`` or ``workloads/bytes-lm/image-uri``."""
        found = _fields(self, "")
        for name, workload in self.workloads.items():
            found |= _fields(workload, f"{WORKLOADS}/{name}/")
        return found

    @classmethod
    def read(cls, environment: str, values: Mapping[str, str]) -> Self:
        """Build from the parameters of an environment. What a newer platform publishes besides is passed over.

        Args:
            environment: Name of the environment.
            values: Values by full name, as GetParametersByPath gives them; a list is text with commas.

        Raises:
            ContractError: The environment publishes nothing, or a parameter is missing.
        """
        start = path(environment) + "/"
        below = {name.removeprefix(start): text for name, text in values.items() if name.startswith(start)}
        if not below:
            reject("environment", environment, f"no parameter is published below {start}",
                   "Name a deployed environment, in its account and region.")  # fmt: skip
        names = dict.fromkeys(name.split("/")[1] for name in below if name.startswith(f"{WORKLOADS}/"))
        workloads = {name: _decoded(PublishedWorkload, start, below, f"{WORKLOADS}/{name}/") for name in names}
        return dataclasses.replace(_decoded(cls, start, below, ""), workloads=workloads)

    def workload(self, kind: str) -> PublishedWorkload:
        """What a workload is trained with.

        Raises:
            ContractError: The environment has no pipeline of that workload.
        """
        found = self.workloads.get(kind.replace("_", "-"))
        if found is None:
            reject("workload", kind, f"the environment trains {', '.join(self.workloads) or 'none'}",
                   "Take one of these, or give the environment a pipeline of it.")  # fmt: skip
        return found


def _kebab(name: str) -> str:
    return name.replace("_", "-")


def _fields(value: Any, start: str) -> dict[str, str | tuple[str, ...]]:
    found = {each.name: getattr(value, each.name) for each in dataclasses.fields(value) if each.name != WORKLOADS}
    return {start + _kebab(name): item if isinstance(item, tuple) else str(item) for name, item in found.items()}


def _decoded(kind: type[T], path: str, below: Mapping[str, str], start: str) -> T:
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for name, hint in hints.items():
        if name == WORKLOADS:
            continue
        full = start + _kebab(name)
        if full not in below:
            reject(path + full, None, "every environment publishes it",
                   "Deploy the environment's stack AdHoc again.")  # fmt: skip
        values[name] = tuple(below[full].split(",")) if typing.get_origin(hint) is tuple else hint(below[full])
    return kind(**values)
