"""TensorRT engines: what is built for which instance type, and whether what serves is what it was built for.

An engine runs with the TensorRT version and on the kind of GPU that built it (NVIDIA TensorRT documentation, "Version
Compatibility" and "Hardware Compatibility", read 2026-11). So it is built in the image and on the type that serve it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from typing import Any, Literal

from ml_contract.checks import between
from ml_contract.errors import reject
from ml_contract.instances import instance
from ml_contract.signature import ModelSignature
from ml_contract.values import value_object

PLAN = "model.plan"
"""Name of an engine in a version's folder, as Triton's tensorrt backend looks for it."""
ENGINES = "engines"
"""Key of a repository's ``packaging`` that holds :class:`EngineOrder` of each model by its name."""


@value_object
class Lengths:
    """What dimensions of any length may be. An engine is fastest at the typical one, and takes none outside."""

    shortest: int = 1
    typical: int
    longest: int

    def __post_init__(self) -> None:
        between("longest", self.longest, 1, 2**24)
        between("typical", self.typical, 1, self.longest)
        between("shortest", self.shortest, 1, self.typical)


@value_object
class TensorRtEngine:
    """An engine of the whole graph, built by a step of its own. Never executed on a GPU by this project's tests."""

    instance_type: str
    """Type that builds it and serves it, with one kind of NVIDIA GPU, for example ``ml.g5.xlarge``."""
    precision: Literal["graph", "fp16"] = "graph"
    """``graph`` keeps the graph's number formats. ``fp16`` lets TensorRT choose 16 bits where it is faster, which
    TensorRT 11 does not do any more."""
    typical_batch: int | None = None
    """Batch at which the engine is fastest; None takes the largest."""
    lengths: Lengths | None = None
    """What dimensions of any length may be; None where there are none."""
    workspace_mib: int = 1024
    """GPU memory that the builder may use for a layer, MiB."""

    def __post_init__(self) -> None:
        between("workspace_mib", self.workspace_mib, 1, 2**20)
        device = instance(self.instance_type).device
        if device is None or device.runs_on != "cuda":
            reject("instance_type", self.instance_type, "TensorRT needs an NVIDIA GPU", "Name a type such as"
                   " ml.g5.xlarge.")  # fmt: skip

    def shapes(self, signature: ModelSignature, batch_size: int) -> dict[str, str]:
        """Values of trtexec's ``minShapes``, ``optShapes`` and ``maxShapes`` for a graph.

        Raises:
            ContractError: A dimension has any length and ``lengths`` is missing, or the other way round.
        """
        any_length = any(-1 in tensor.shape for tensor in signature.inputs)
        if any_length != (self.lengths is not None):
            reject("engine.lengths", self.lengths, f"the graph has {'' if any_length else 'no '}inputs of any length",
                   "Give lengths." if any_length else "Leave lengths out.")  # fmt: skip
        typical = batch_size if self.typical_batch is None else self.typical_batch
        between("engine.typical_batch", typical, 1, batch_size)
        lengths = self.lengths or Lengths(typical=1, longest=1)
        sizes = {"min": (1, lengths.shortest), "opt": (typical, lengths.typical), "max": (batch_size, lengths.longest)}
        return {
            f"{name}Shapes": ",".join(_shape(tensor.name, batch, tensor.shape, length) for tensor in signature.inputs)
            for name, (batch, length) in sizes.items()
        }


@value_object
class EngineOrder:
    """What the Package step leaves to the engine step, for one model."""

    graph: str
    """The graph's path in the repository; the engine takes its place."""
    shapes: Mapping[str, str]
    engine: TensorRtEngine

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> EngineOrder:
        """Raises ContractError where a field is missing or wrong."""
        try:
            told = dict(raw["engine"])
            lengths = told.pop("lengths")
            made = TensorRtEngine(**told, lengths=lengths and Lengths(**lengths))
            return cls(graph=raw["graph"], shapes=raw["shapes"], engine=made)
        except (KeyError, TypeError, AttributeError) as error:
            reject(f"packaging.{ENGINES}", raw, f"an order has graph, shapes and engine ({error})", "Package again.")


@value_object
class BuiltEngine:
    """What built an engine, as the repository's manifest keeps it."""

    instance_type: str
    image: str
    """URI of the image, as the job was told."""
    tensorrt: str
    """Version, for example ``10.16.2``."""
    compute_capability: str
    """Of the GPU, for example ``8.6``."""
    device: str
    """The GPU's name."""
    precision: str

    def to_json(self) -> dict[str, str]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> BuiltEngine:
        """Raises ContractError where a field is missing."""
        names = {field.name for field in fields(cls)}
        if set(raw) != names:
            reject("built", sorted(raw), f"it has {', '.join(sorted(names))}", "Build the engine again.")
        return cls(**raw)


def check_served(packaging: Mapping[str, Any], *, instance_type: str, image: str) -> None:
    """Refuse to serve a repository's engines elsewhere than where they were built.

    Args:
        packaging: Of the repository's manifest.
        instance_type: That is to serve it.
        image: URI of the image that is to serve it; accounts and regions may differ, repository and tag may not.

    Raises:
        ContractError: An engine is not built yet, or was built by another type or image.
    """
    for name, built in built_engines(packaging):
        if built is None:
            reject(f"{name}.engine", None, "it has not been built", "Run the engine step on the repository.")
        if built.instance_type != instance_type:
            reject("instance_type", instance_type, f"the engine of {name} was built on {built.instance_type}",
                   "Serve it there, or package for this type.")  # fmt: skip
        if _tagged(built.image) != _tagged(image):
            reject("image", image, f"the engine of {name} was built in {_tagged(built.image)}",
                   "Serve it with that image, or build it again in this one.")  # fmt: skip


def built_engines(packaging: Mapping[str, Any]) -> Iterator[tuple[str, BuiltEngine | None]]:
    """Models of a repository that are engines, and what built each; None where nothing has."""
    for name, raw in packaging.get(ENGINES, {}).items():
        yield name, BuiltEngine.from_json(raw["built"]) if "built" in raw else None


def _shape(name: str, batch: int, shape: tuple[int, ...], length: int) -> str:
    return f"{name}:" + "x".join(str(length if size == -1 else size) for size in (batch, *shape))


def _tagged(uri: str) -> str:
    return uri.rpartition("/")[2]
