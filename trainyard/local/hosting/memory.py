"""Memory that a container has, and what its processes take.

An instance's memory is what the instance catalogue says; a serverless container's is MemorySizeInMB. Two things hold a
container to it. Where it is a namespace, its /dev/shm has room for half of it, Linux's own default for a tmpfs:
Triton's python backend reserves a region there for every model it loads, and answers 507 by itself when there is no
room, which is what SageMaker evicts models for. And when the processes together take more than all of it, the container
is ended, as an instance's kernel does.
"""

import contextlib
from collections.abc import Iterable
from pathlib import Path

from ml_contract.instances import CATALOGUE

MIB = 1 << 20
_SHARED_MEMORY_SHARE = 2


def of_instance(instance_type: str) -> int | None:
    """Bytes of an instance's memory; None for a type that the catalogue does not have."""
    found = CATALOGUE.get(instance_type)
    return found.memory_gib << 30 if found else None


def shared(memory: int | None) -> int | None:
    """Room of /dev/shm in a container with that much memory, in bytes."""
    return memory // _SHARED_MEMORY_SHARE if memory else None


def resident(pids: Iterable[int]) -> int:
    """Bytes that processes take together: their proportional set sizes, so that what they share counts once."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
                    break
    return total
