"""Programs on a node that Prometheus reads.

What has no program of its own (Slurm, EFA, training) is written into files that node_exporter serves:
docs/decisions/0020-figures-of-nodes.md. Source of the ports, read 2026-11-22: the exporters' own defaults.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from ml_contract.checks import matches
from ml_contract.clusters.nodes import NODE_TYPES, NodeType
from ml_contract.errors import reject
from ml_contract.values import value_object

ExporterName = Literal["node", "dcgm"]
PORTS: dict[str, int] = {"node": 9100, "dcgm": 9400}
NODES: dict[str, tuple[NodeType, ...]] = {"node": NODE_TYPES, "dcgm": ("compute",)}
"""Where each makes sense; dcgm only where there are GPUs."""
REGISTRY = r"[a-z0-9{}]+\.dkr\.ecr\.[a-z0-9{}-]+\.amazonaws\.com(\.cn)?"


@value_object
class ExporterImage:
    """An exporter as a container, from ECR through the closed network."""

    kind: ClassVar[str] = "image"
    name: ExporterName
    """Which one."""
    image: str
    """``<account>.dkr.ecr.<region>.amazonaws.com/<repository>@sha256:<digest>``; ``{account}`` and ``{region}`` stand
    for the cluster's own. By digest: a tag may be another program tomorrow."""
    arguments: tuple[str, ...] = ()
    """Further arguments; none by default."""

    def __post_init__(self) -> None:
        _check_image(f"exporters.{self.name}.image", self.image)
        _check_arguments(self.name, self.arguments)


@value_object
class ExporterBinary:
    """An exporter that the image of the machine holds."""

    kind: ClassVar[str] = "binary"
    name: ExporterName
    """Which one."""
    path: str
    """Where the program lies."""
    arguments: tuple[str, ...] = ()
    """Its arguments; none by default. It listens on the port that PORTS says."""

    def __post_init__(self) -> None:
        matches(f"exporters.{self.name}.path", self.path, r"(/[A-Za-z0-9._-]+)+")
        _check_arguments(self.name, self.arguments)


Exporter = ExporterImage | ExporterBinary


@value_object
class AgentImage:
    """Prometheus in agent mode as a container, from ECR: it sends on what the node's exporters say."""

    kind: ClassVar[str] = "image"
    parameters: str
    """What the names of its configurations in Systems Manager start with; ``/controller``, ``/login`` and ``/compute``
    come after. The nodes' roles may read them."""
    image: str
    """As an exporter's."""

    def __post_init__(self) -> None:
        _check_parameters(self.parameters)
        _check_image("agent.image", self.image)


@value_object
class AgentBinary:
    """Prometheus in agent mode, where the image of the machine holds it."""

    kind: ClassVar[str] = "binary"
    parameters: str
    """As above."""
    path: str
    """Where the program lies."""

    def __post_init__(self) -> None:
        _check_parameters(self.parameters)
        matches("agent.path", self.path, r"(/[A-Za-z0-9._-]+)+")


Agent = AgentImage | AgentBinary


def _check_parameters(path: str) -> None:
    matches("agent.parameters", path, r"(/[A-Za-z0-9._-]+)+")


def _check_image(field: str, image: str) -> None:
    if "@sha256:" not in image:
        reject(field, image, "a tag may be another program tomorrow", "Name it by its digest, …@sha256:….")
    matches(field, image, rf"{REGISTRY}/[a-z0-9._/-]+@sha256:[0-9a-f]{{64}}")


def _check_arguments(name: str, arguments: tuple[str, ...]) -> None:
    for argument in arguments:
        # They stand in a unit file, where blanks, quotes, % and $ mean something.
        matches(f"exporters.{name}.arguments", argument, r"[A-Za-z0-9@_.,:=/+^|()*?\[\]-]+")
