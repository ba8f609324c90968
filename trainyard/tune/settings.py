"""What the tuner may change, and how that reads as a model configuration and as package options."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_contract.packaging import DynamicBatching
from ml_contract.packaging.options import THREADS


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One candidate."""

    batching: DynamicBatching | None = None
    """None runs each request by itself."""
    instances: int = 1
    """Copies of the model."""
    threads: int = 1
    """Threads within one operator."""

    @property
    def effort(self) -> tuple[int, int, int, int]:
        """For ties: fewer copies, fewer threads, shorter waits, fewer sizes."""
        found = self.batching
        wait = (-1, 0) if found is None else (found.max_queue_delay_microseconds, len(found.preferred_sizes))
        return (self.instances, self.threads, *wait)

    def applied(self, configuration: Mapping[str, Any]) -> dict[str, Any]:
        """A model configuration, as Triton's HTTP API shows it, with these settings."""
        changed = copy.deepcopy(dict(configuration))
        changed.pop("dynamic_batching", None)
        if self.batching is not None:
            changed["dynamic_batching"] = {
                "preferred_batch_size": list(self.batching.preferred_sizes),
                "max_queue_delay_microseconds": self.batching.max_queue_delay_microseconds,
            }
        for group in changed.get("instance_group", []):
            group["count"] = self.instances
        parameters = changed.setdefault("parameters", {})
        if THREADS[0] in parameters:
            parameters[THREADS[0]] = {"string_value": str(self.threads)}
        return changed

    def snippet(self, backend: str) -> str:
        """Python for an environment: what differs from the defaults of `PackageOptions`."""
        fields, names = [f'backend="{backend}"'], ["PackageOptions"]
        if self.batching is None:
            fields.append("batching=None")
        elif self.batching != DynamicBatching():
            names.insert(0, "DynamicBatching")
            sizes, delay = self.batching.preferred_sizes, self.batching.max_queue_delay_microseconds
            told = [f"preferred_sizes={sizes!r}"] if sizes else []
            told.append(f"max_queue_delay_microseconds={delay}")
            fields.append(f"batching=DynamicBatching({', '.join(told)})")
        if self.instances != 1:
            names.insert(0, "CpuInstances")
            fields.append(f"instances=CpuInstances(count={self.instances})")
        if self.threads != 1:
            fields.append(f"threads={self.threads}")
        return f"from ml_contract.packaging import {', '.join(names)}\n\nPackageOptions({', '.join(fields)})"

    def document(self) -> dict[str, Any]:
        """As JSON."""
        found = self.batching
        batching = None if found is None else {
            "preferred_sizes": list(found.preferred_sizes),
            "max_queue_delay_microseconds": found.max_queue_delay_microseconds,
        }  # fmt: skip
        return {"batching": batching, "instances": self.instances, "threads": self.threads}

    def __str__(self) -> str:
        """In a few words."""
        found, words = self.batching, "no batching"
        if found is not None:
            sizes = f", sizes {'/'.join(map(str, found.preferred_sizes))}" if found.preferred_sizes else ""
            delay = found.max_queue_delay_microseconds
            words = f"batching, wait {delay} µs{sizes}" if delay else "batching, no wait"
        return f"{words}; {self.instances} × {self.threads} thread{'s' if self.threads > 1 else ''}"
