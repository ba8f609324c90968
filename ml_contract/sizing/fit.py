"""Whether a run fits the memory of the hosts it is given, and the smallest that it would fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ml_contract.accelerators import ACCELERATORS
from ml_contract.errors import ContractError, reject
from ml_contract.instances import CATALOGUE, InstanceType, instance
from ml_contract.sizing.memory import memory
from ml_contract.sizing.needs import Memory, readable
from ml_contract.training.layout import World
from ml_contract.training.run import TrainingRun
from ml_contract.values import value_object

RESERVE = 0.1
"""Share of a memory that a run cannot have: on a GPU what the data sheet counts and the driver keeps (1 to 6 %), CUDA's
context (0.5 GiB), NCCL's buffers and pieces too small to use; on a host the system and the loaders. An assumption of
this project, 2026-11-21, to be held against measured runs."""
MOST_HOSTS = 64
"""Where the search for a smallest cluster ends."""
GIB = 2**30


@value_object
class Fit:
    """A run that fits, as far as is known."""

    memory: Memory
    """What one rank needs."""
    notes: tuple[str, ...] = ()
    """Sentences for the reader: what no formula is known for, and so was not checked."""


@value_object
class Cluster:
    """Hosts of one type whose memory a run fits."""

    host: InstanceType
    count: int
    run: TrainingRun
    """The run as it is on so many ranks."""
    memory: Memory
    """What one of them needs."""

    @property
    def memory_gib(self) -> int:
        """Memory of all accelerators, or on a CPU type of all hosts, GiB."""
        host = self.host
        return self.count * (host.accelerators * host.accelerator_memory_gib if host.accelerators else host.memory_gib)


def check_fit(run: TrainingRun, instance_type: str, instance_count: int) -> Fit:
    """Hold what a run needs against the memory of its hosts.

    Args:
        run: The run.
        instance_type: Of every host, for example ``ml.p4d.24xlarge``.
        instance_count: Hosts.

    Returns:
        The estimate, and notes on what is not in it.

    Raises:
        ContractError: A rank needs more than its accelerator has, or all ranks of a host more than the host has; the
            accelerators do not compute in the run's format; the run does not fit the world; or the type is not in the
            catalogue.
    """
    host = instance(instance_type)
    _check_format(run, host)
    found = memory(run, World.of(instance_type, instance_count))
    lacking = _lacking(found, host)
    if lacking:
        reject("resources", f"{instance_count} x {instance_type}", lacking, _way_out(run, host, instance_count))
    notes = tuple(
        f"{run.workload.kind}: the estimate of {readable(_needed(found, host))} a rank is without {what}, for which no"
        " formula is known." for what in found.unknown
    )  # fmt: skip
    return Fit(memory=found, notes=notes)


def smallest(run: TrainingRun, *, like: InstanceType, most_hosts: int = MOST_HOSTS) -> tuple[str, int] | None:
    """The smallest cluster that a run fits: least memory of accelerators in all, then fewest hosts, then least of them.

    Args:
        run: The run.
        like: Clusters of CPU types are searched first where this is one, and GPU types where it is not or none does.
        most_hosts: Where the search ends.

    Returns:
        Type and count; None if there is none.
    """
    kinds = (True, False) if like.accelerators == 0 else (False,)
    for of_cpus in kinds:
        hosts = [host for host in CATALOGUE.values() if (host.accelerators == 0) == of_cpus]
        found = min(
            fitting(lambda _: run, hosts, most_hosts=most_hosts),
            key=lambda each: (each.memory_gib, each.count, each.host.memory_gib, each.host.name), default=None,
        )  # fmt: skip
        if found is not None:
            return found.host.name, found.count
    return None


def fitting(
    run: Callable[[World], TrainingRun], hosts: Iterable[InstanceType], *, most_hosts: int = MOST_HOSTS
) -> Iterator[Cluster]:
    """Of each type the fewest hosts that a run fits; types that nobody here has a driver for are left out.

    Args:
        run: The run on so many ranks: its batch may follow from them. It may raise ContractError where none fits.
        hosts: Types to look at.
        most_hosts: Where the search ends.
    """
    for host in hosts:
        if host.device is not None and host.device.runs_on != "cuda":
            continue
        for count in range(1, most_hosts + 1):
            world = World(hosts=count, ranks_per_host=host.processes)
            try:
                it = run(world)
                _check_format(it, host)
                found = memory(it, world)
            except ContractError:
                continue
            if not _lacking(found, host):
                yield Cluster(host=host, count=count, run=it, memory=found)
                break


def _needed(found: Memory, host: InstanceType) -> int:
    return found.total("device") if host.accelerators else found.total("device") + found.total("host")


def _usable(gib: int) -> int:
    return round((1 - RESERVE) * gib * GIB)


def _lacking(found: Memory, host: InstanceType) -> str:
    """The rule that is broken, as a clause; empty where there is memory enough."""
    ranks, usable = host.processes, _usable(host.memory_gib)
    reserve = f"besides a reserve of {RESERVE:.0%}"
    if host.accelerators:
        needed, device = found.total("device"), _usable(host.accelerator_memory_gib)
        if needed > device:
            return (f"a rank needs an estimated {readable(needed)} and an accelerator ({host.accelerator}) has"
                    f" {readable(device)}, {reserve}: {found.words('device')}")  # fmt: skip
        if ranks * found.total("host") > usable:
            return (f"its {ranks} ranks need an estimated {readable(ranks * found.total('host'))} of host memory and"
                    f" there are {readable(usable)}, {reserve}; a rank: {found.words('host')}")  # fmt: skip
    elif _needed(found, host) > usable:
        return (f"a rank needs an estimated {readable(_needed(found, host))} and the host has {readable(usable)},"
                f" {reserve}: {found.words('device', 'host')}")  # fmt: skip
    return ""


def _way_out(run: TrainingRun, host: InstanceType, count: int) -> str:
    found = smallest(run, like=host, most_hosts=max(count, MOST_HOSTS))
    if found is not None:
        return f"The smallest that would do is {found[1]} x {found[0]}."
    return (f"Nothing in the catalogue would do, up to {max(count, MOST_HOSTS)} hosts: take Fsdp(), which divides"
            " states among ranks, activation_checkpointing='full', or a smaller micro_batch_size.")  # fmt: skip


def _check_format(run: TrainingRun, host: InstanceType) -> None:
    compute, device = run.precision.compute, host.device
    if device is not None and compute not in device.formats:
        able = ", ".join(sorted(entry.name for entry in ACCELERATORS.values() if compute in entry.formats))
        reject("precision.compute", compute, f"the accelerators of {host.name} ({device.name}) multiply no {compute}",
               f"Take one of {', '.join(sorted(device.formats))}, or a type with one of {able}.")  # fmt: skip
