"""Dynamic batching: how the server joins requests, and what becomes of those that wait.

Names and rules as in Triton's model configuration (triton-inference-server/common, protobuf/model_config.proto,
messages ModelDynamicBatching and ModelQueuePolicy, read 2026-11).
"""

from __future__ import annotations

from typing import Literal

from ml_contract.checks import at_least, between
from ml_contract.errors import reject
from ml_contract.values import value_object

_LONGEST_MICROSECONDS = 60_000_000
"""A minute: SageMaker gives up a request after that (InvokeEndpoint, API reference, read 2026-11)."""


@value_object
class QueuePolicy:
    """What becomes of requests that wait."""

    max_queue_size: int = 0
    """Requests that may wait; one more is refused at once. 0: any number."""
    default_timeout_microseconds: int = 0
    """Longest wait of a request. 0: any time."""
    timeout_action: Literal["REJECT", "DELAY"] = "REJECT"
    """What happens after it: the request fails, or others go first."""
    allow_timeout_override: bool = False
    """Whether a request may name a shorter time itself, by its parameter ``timeout``."""

    def __post_init__(self) -> None:
        between("max_queue_size", self.max_queue_size, 0, 2**32 - 1)
        between("default_timeout_microseconds", self.default_timeout_microseconds, 0, _LONGEST_MICROSECONDS)
        if not self.default_timeout_microseconds and (self.timeout_action == "DELAY" or self.allow_timeout_override):
            reject("default_timeout_microseconds", 0, "timeout_action and allow_timeout_override need a time",
                   "Give default_timeout_microseconds, or leave the two at their defaults.")  # fmt: skip
        if not self.max_queue_size and not self.default_timeout_microseconds:
            reject("queue", self, "a policy without max_queue_size and default_timeout_microseconds does nothing",
                   "Give one of the two, or no policy.")  # fmt: skip


@value_object
class LevelPolicy:
    """A queue policy of one priority level."""

    level: int
    """The level, from 1."""
    policy: QueuePolicy


@value_object
class Priorities:
    """Requests that name a level, by their parameter ``priority``, go before those of a higher number."""

    levels: int
    """How many; 1 goes first."""
    default: int
    """Level of requests that name none."""
    policies: tuple[LevelPolicy, ...] = ()
    """Queue policies of levels that differ from the queue's own."""

    def __post_init__(self) -> None:
        between("levels", self.levels, 2, 1024)
        between("default", self.default, 1, self.levels)
        numbers = [entry.level for entry in self.policies]
        for number in numbers:
            between("policies.level", number, 1, self.levels)
        if len(set(numbers)) < len(numbers):
            reject("policies", numbers, "a level has one policy", "Remove the others.")


@value_object
class DynamicBatching:
    """Requests that wait at the same time run as one batch. Without a queue delay no request waits for others."""

    preferred_sizes: tuple[int, ...] = ()
    """Batch sizes that the queue delay waits for, ascending; empty waits for the largest."""
    max_queue_delay_microseconds: int = 0
    """Longest wait for a fuller batch. Raises throughput under load and latency without: measure both."""
    preserve_ordering: bool = False
    """Whether answers leave in the order in which their requests came, which holds back those that are ready."""
    queue: QueuePolicy | None = None
    """What becomes of requests that wait; None lets any number wait for any time."""
    priorities: Priorities | None = None
    """Levels of priority; None treats all requests alike."""

    def __post_init__(self) -> None:
        between("max_queue_delay_microseconds", self.max_queue_delay_microseconds, 0, _LONGEST_MICROSECONDS)
        sizes = sorted(set(self.preferred_sizes))
        if list(self.preferred_sizes) != sizes:
            reject("preferred_sizes", self.preferred_sizes, "they ascend and none comes twice", f"Write {sizes}.")
        for size in self.preferred_sizes:
            at_least("preferred_sizes", size, 1)
        if self.preferred_sizes and not self.max_queue_delay_microseconds:
            reject("preferred_sizes", self.preferred_sizes, "they only matter while requests wait",
                   "Give max_queue_delay_microseconds too, or remove them.")  # fmt: skip
        if self.priorities is not None and self.preserve_ordering:
            reject("preserve_ordering", True, "priorities reorder requests", "Choose one of the two.")
