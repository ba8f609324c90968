"""How a trained artifact becomes what the model server loads: the options of the Package step.

Names as in Triton's model configuration (triton-inference-server/server, model_configuration.md, read 2026-11).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ml_contract.checks import at_least, between
from ml_contract.errors import reject

ARCHIVE = "model.tar.gz"
"""Name of the archive that the Package step reads and of the one that it writes."""


@dataclass(frozen=True, kw_only=True)
class PackageOptions:
    """Options of packaging."""

    backend: Literal["onnxruntime", "python"]
    """``onnxruntime`` is Triton's own, part of the production image; ``python`` runs the same graph with onnxruntime
    on CPU where the server has no other backend."""
    max_batch_size: int | None = None
    """Largest batch that the server forms; None takes the signature's."""
    dynamic_batching: bool = True
    """Let requests that wait at the same time run as one batch. Without a queue delay no request waits for others."""
    preferred_batch_sizes: tuple[int, ...] = ()
    """Batch sizes that the queue delay waits for, ascending; empty waits for the largest."""
    max_queue_delay_microseconds: int = 0
    """Longest wait for a fuller batch. Raises throughput under load and latency without: measure both."""
    instance_kind: Literal["KIND_CPU", "KIND_GPU"] = "KIND_CPU"
    """Device that runs the graph."""
    instance_count: int = 1
    """Copies of the model that run at once, on each GPU for ``KIND_GPU``."""
    threads: int = 1
    """Threads within one operator of the graph, on CPU."""

    def __post_init__(self) -> None:
        if self.max_batch_size is not None:
            at_least("max_batch_size", self.max_batch_size, 1)
        between("max_queue_delay_microseconds", self.max_queue_delay_microseconds, 0, 60_000_000)
        between("instance_count", self.instance_count, 1, 1024)
        between("threads", self.threads, 1, 1024)
        if list(self.preferred_batch_sizes) != sorted(set(self.preferred_batch_sizes)):
            reject("preferred_batch_sizes", self.preferred_batch_sizes, "they ascend and none comes twice",
                   f"Write {sorted(set(self.preferred_batch_sizes))}.")  # fmt: skip
        for size in self.preferred_batch_sizes:
            at_least("preferred_batch_sizes", size, 1)
        if not self.dynamic_batching and (self.preferred_batch_sizes or self.max_queue_delay_microseconds):
            reject("dynamic_batching", False, "preferred_batch_sizes and max_queue_delay_microseconds belong to it",
                   "Set dynamic_batching to true, or remove the two.")  # fmt: skip
        if self.preferred_batch_sizes and not self.max_queue_delay_microseconds:
            reject("preferred_batch_sizes", self.preferred_batch_sizes, "they only matter while requests wait",
                   "Give max_queue_delay_microseconds too, or remove them.")  # fmt: skip
        if self.backend == "python" and self.instance_kind == "KIND_GPU":
            reject("instance_kind", self.instance_kind, "the python backend runs the graph on CPU",
                   "Choose backend 'onnxruntime' for GPUs.")  # fmt: skip

    def batch_size(self, signature_maximum: int) -> int:
        """The server's largest batch for a graph that takes ``signature_maximum``.

        Raises:
            ContractError: An option asks for more than the graph takes.
        """
        largest = self.max_batch_size or signature_maximum
        if largest > signature_maximum:
            reject("max_batch_size", largest, f"the graph was exported for at most {signature_maximum}",
                   f"Give at most {signature_maximum}, or export again.")  # fmt: skip
        for size in self.preferred_batch_sizes:
            if size > largest:
                reject("preferred_batch_sizes", size, f"max_batch_size is {largest}", f"Give at most {largest}.")
        return largest
