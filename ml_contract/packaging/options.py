"""The options of the Package step."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from ml_contract.checks import at_least, between
from ml_contract.errors import reject
from ml_contract.packaging.batching import DynamicBatching
from ml_contract.packaging.engine import TensorRtEngine
from ml_contract.packaging.instances import CpuInstances, GpuInstances
from ml_contract.packaging.optimization import Int8, TensorRtAccelerator
from ml_contract.packaging.warmup import Warmup
from ml_contract.values import value_object

ARCHIVE = "model.tar.gz"
"""Name of the archive that the Package step reads and of the one that it writes."""
THREADS = ("intra_op_thread_count", "inter_op_thread_count")
"""Parameters that ``threads`` becomes; the names are those of Triton's onnxruntime backend."""


@value_object
class Parameter:
    """A parameter of the backend that has no field here.

    The python backend's model hands keys that begin with ``session.`` to ONNX Runtime, as the onnxruntime backend does.
    """

    key: str
    value: str

    def __post_init__(self) -> None:
        if not self.key or not self.key.isascii():
            reject("parameters.key", self.key, "it is a text of ASCII characters", "Write the backend's own name.")
        if self.key in THREADS:
            reject("parameters.key", self.key, "the field threads sets it", "Give threads instead.")


@value_object
class PackageOptions:
    """How a trained artifact becomes what the model server loads; of an ensemble, how each of its parts does."""

    backend: Literal["onnxruntime", "python", "tensorrt"]
    """``onnxruntime`` is Triton's own, part of the production image; ``python`` runs the same graph with onnxruntime
    on CPU where the server has no other backend; ``tensorrt`` runs the engine that ``engine`` describes."""
    max_batch_size: int | None = None
    """Largest batch that the server forms; None takes the signature's."""
    batching: DynamicBatching | None = field(default_factory=DynamicBatching)
    """How requests are joined to batches; None runs each by itself."""
    instances: CpuInstances | GpuInstances = field(default_factory=CpuInstances)
    """Copies of the model that run at once, and where."""
    threads: int = 1
    """Threads within one operator of the graph, on CPU."""
    warmup: tuple[Warmup, ...] = ()
    """Requests that the server makes before a model is ready; none by default."""
    response_cache: bool = False
    """Whether equal requests are answered from memory. The server must have a cache: ``--cache-config``, which
    SageMaker's image gives no variable for."""
    accelerator: TensorRtAccelerator | None = None
    """TensorRT within ONNX Runtime; None runs the graph by ONNX Runtime's own operators."""
    engine: TensorRtEngine | None = None
    """The engine of backend ``tensorrt``; None for the others."""
    quantization: Int8 | None = None
    """8-bit weights; None keeps the graph's."""
    parameters: tuple[Parameter, ...] = ()
    """What else the backend is told."""
    version: int = 1
    """Number of the version, by which clients may name it. The repository has this one, and the server loads it."""
    parts: tuple[PartOptions, ...] = ()
    """Parts of an ensemble that are packed otherwise."""

    def __post_init__(self) -> None:
        if self.max_batch_size is not None:
            at_least("max_batch_size", self.max_batch_size, 1)
        between("threads", self.threads, 1, 1024)
        between("version", self.version, 1, 2**31 - 1)
        keys = [parameter.key for parameter in self.parameters]
        if len(set(keys)) < len(keys):
            reject("parameters", keys, "a key comes once", "Remove the others.")
        names = [part.name for part in self.parts]
        if len(set(names)) < len(names):
            reject("parts", names, "a part comes once", "Remove the others.")
        self._check_device()

    def _check_device(self) -> None:
        on_gpu = isinstance(self.instances, GpuInstances)
        if on_gpu and self.backend == "python":
            reject("instances", self.instances, "the python backend runs the graph on CPU",
                   "Choose backend 'onnxruntime' for GPUs.")  # fmt: skip
        if self.accelerator is not None and not on_gpu:
            reject("accelerator", self.accelerator, "TensorRT runs on a GPU",
                   "Give instances=GpuInstances(), or no accelerator.")  # fmt: skip
        if (self.backend == "tensorrt") != (self.engine is not None):
            reject("engine", self.engine, f"backend {self.backend} has {'one' if self.engine is None else 'none'}",
                   "Give backend 'tensorrt' and an engine, or neither.")  # fmt: skip
        if self.engine is not None:
            self._check_engine(on_gpu=on_gpu)
        if self.quantization is not None and on_gpu:
            reject("quantization", self.quantization, "ONNX Runtime multiplies 8-bit integers on CPU alone",
                   "Give instances=CpuInstances(), or no quantization.")  # fmt: skip

    def _check_engine(self, *, on_gpu: bool) -> None:
        if not on_gpu:
            reject("instances", self.instances, "an engine runs on a GPU", "Give instances=GpuInstances().")
        for name, default in (("accelerator", None), ("threads", 1)):
            if getattr(self, name) != default:
                reject(name, getattr(self, name), "it belongs to ONNX Runtime, which does not run an engine",
                       f"Leave {name} out.")  # fmt: skip

    @property
    def engine_types(self) -> tuple[str, ...]:
        """Instance types for which engines are built, of all parts; none where there are no engines."""
        own = () if self.engine is None else (self.engine.instance_type,)
        return tuple(dict.fromkeys((*own, *(name for part in self.parts for name in part.options.engine_types))))

    @property
    def on_gpu(self) -> bool:
        """Whether any model of the repository runs on a GPU."""
        return isinstance(self.instances, GpuInstances) or any(part.options.on_gpu for part in self.parts)

    def of(self, part: str) -> PackageOptions:
        """Options of one part of an ensemble."""
        return next((entry.options for entry in self.parts if entry.name == part), self)

    def batch_size(self, signature_maximum: int) -> int:
        """The server's largest batch for a graph that takes ``signature_maximum``.

        Raises:
            ContractError: An option asks for more than the graph takes.
        """
        largest = self.max_batch_size or signature_maximum
        if largest > signature_maximum:
            reject("max_batch_size", largest, f"the graph was exported for at most {signature_maximum}",
                   f"Give at most {signature_maximum}, or export again.")  # fmt: skip
        for size in self.batching.preferred_sizes if self.batching else ():
            if size > largest:
                reject("batching.preferred_sizes", size, f"max_batch_size is {largest}", f"Give at most {largest}.")
        for request in self.warmup:
            if request.batch_size > largest:
                reject("warmup.batch_size", request.batch_size, f"max_batch_size is {largest}",
                       f"Give at most {largest}.")  # fmt: skip
        return largest


@value_object
class PartOptions:
    """How one part of an ensemble is packed."""

    name: str
    """Of the part, as the artifact's manifest names it."""
    options: PackageOptions

    def __post_init__(self) -> None:
        if self.options.parts:
            reject("parts.options.parts", self.options.parts[0].name, "a part has no parts", "Remove them.")
