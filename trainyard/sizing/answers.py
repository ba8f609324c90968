"""A sizing question answered: clusters that fit, memory of a rank, hours and money."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_contract.errors import ContractError, reject
from ml_contract.instances import InstanceType
from ml_contract.sizing.fit import RESERVE, Cluster, check_fit
from ml_contract.sizing.memory import memory
from ml_contract.sizing.needs import Memory, readable
from ml_contract.training.layout import World
from trainyard.sizing.names import strategy
from trainyard.sizing.plan import Work
from trainyard.sizing.question import Question
from trainyard.whatif.answer import Answer, Table, hours, money
from trainyard.whatif.price import Price

FORMULAS = (
    "parameters, gradients, optimiser state: ZeRO, arXiv 1910.02054 (ml_contract/sizing/states.py)",
    "activations: Korthikanti et al., arXiv 2205.05198 (ml_contract/sizing/activations.py)",
    "pipelines: 1F1B, arXiv 2104.04473 (ml_contract/sizing/parts.py)",
    "operations of a token: PaLM, arXiv 2204.02311, appendix B",
)
_ITEMS = ("parameters", "gradients", "optimiser state", "activations")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A cluster that a strategy fits, with its price where one is known."""

    how: str
    cluster: Cluster
    price: Price | None
    run_hours: float | None

    @property
    def hourly(self) -> float | None:
        """Cost of an hour of all hosts."""
        return None if self.price is None else self.cluster.count * self.price.amount

    @property
    def cost(self) -> float | None:
        """Of a run."""
        return None if self.hourly is None or self.run_hours is None else self.hourly * self.run_hours

    @property
    def name(self) -> str:
        """Hosts in words."""
        return f"{self.cluster.count} x {self.cluster.host.name}"

    @property
    def rank(self) -> tuple[object, ...]:
        """The cheapest run of known cost comes first, then the cheapest hour, and then what `room` says."""
        # Runs that differ by less than a cent cost the same: twice the hosts for half the time.
        return self.cost is None, round(self.cost or 0.0, 2), self.hourly is None, self.hourly or 0.0, self.room

    @property
    def room(self) -> tuple[int, int, int, str]:
        """The least memory of accelerators comes first, then the fewest hosts, then the smallest, as at synth."""
        host = self.cluster.host
        return self.cluster.memory_gib, self.cluster.count, host.memory_gib, host.name


def candidates(question: Question, work: Work, prices: Mapping[str, Price]) -> list[Candidate]:
    """Every cluster that fits, the cheapest first.

    Raises:
        ContractError: None does.
    """
    found = [
        Candidate(how=how, cluster=cluster, price=prices.get(cluster.host.name), run_hours=work.on(cluster))
        for how in question.strategies for cluster in question.clusters(how)
    ]  # fmt: skip
    if not found:
        for how in question.strategies:
            # What no number of hosts would help against is said as it is.
            question.run(strategy(how), World(hosts=1, ranks_per_host=8)).bind(World(hosts=1, ranks_per_host=8))
        reject("--model", question.name, f"up to {question.most_hosts} hosts of no type have the memory under"
               f" {', '.join(question.strategies)}", "Take fsdp or zero-3, which divide all states, tensor parallelism"
               " such as tp8+fsdp, --recompute full, or more --most-hosts.")  # fmt: skip
    return sorted(found, key=lambda each: each.rank)


def search(found: Sequence[Candidate], *, rows: int) -> Table:
    """The first clusters as a table."""
    timed = any(each.run_hours is not None for each in found)
    columns = ("hosts", "strategy", "accelerators", "a rank needs", "of", "EFA", "an hour",
               *(("a run takes", "a run costs") if timed else ()))  # fmt: skip

    def row(each: Candidate) -> tuple[str, ...]:
        host = each.cluster.host
        run = ("unknown" if each.run_hours is None else hours(3600 * each.run_hours),
               "unknown" if each.cost is None else money(each.cost))  # fmt: skip
        return (each.name, each.how, f"{each.cluster.count * host.accelerators} x {host.accelerator}",
                readable(each.cluster.memory.total("device")), f"{host.accelerator_memory_gib} GiB",
                "yes" if host.has_efa else "no", "unknown" if each.hourly is None else money(each.hourly),
                *(run if timed else ()))  # fmt: skip

    return Table(title="Fewest hosts that fit, of each type", columns=columns, rows=tuple(map(row, found[:rows])))


def ranks(question: Question, host: InstanceType, count: int) -> tuple[list[Table], list[tuple[str, Cluster]]]:
    """Memory of a rank under each strategy on given hosts, why some do not fit, and the clusters of those that do."""
    world, fit, rows, why = World(hosts=count, ranks_per_host=host.processes), [], [], []
    for how in question.strategies:
        try:
            run = question.run(strategy(how), world)
            found = memory(run, world)
        except ContractError as error:
            rows.append((how, *("",) * (len(_ITEMS) + 3), "no"))
            why.append((how, f"{error.field}: {error.rule}"))
            continue
        try:
            check_fit(run, host.name, count)
            fit.append((how, Cluster(host=host, count=count, run=run, memory=found)))
            verdict = "yes"
        except ContractError as error:
            verdict = "no"
            why.append((how, error.rule))
        rows.append((how, *_parts(found), readable(found.total("host")), verdict))
    columns = ("strategy", *_ITEMS, "other", "at the worst", "host memory", "fits")
    each = (f"{host.accelerator_memory_gib} GiB of {host.accelerator}" if host.accelerators
            else f"{host.memory_gib} GiB of the host")  # fmt: skip
    title = f"Memory of a rank on {count} x {host.name}, {world.size} ranks of {each}, {RESERVE:.0%} in reserve"
    tables = [Table(title=title, columns=columns, rows=tuple(rows))]
    if why:
        tables.append(Table(title="Why not", columns=("", ""), rows=tuple(why)))
    return tables, fit


def _parts(found: Memory) -> Iterator[str]:
    device = [need for need in found.needs if need.place == "device"]
    items = [sum(need.bytes for need in device if need.what == what) for what in _ITEMS]
    for size in (*items, sum(need.bytes for need in device) - sum(items)):
        yield readable(size) if size else "–"
    yield readable(found.total("device"))


def document(each: Candidate) -> dict[str, Any]:
    """For JSON."""
    return {
        "instance_type": each.cluster.host.name, "count": each.cluster.count, "strategy": each.how,
        "device_bytes_per_rank": each.cluster.memory.total("device"), "cost_per_hour": each.hourly,
        "run_hours": each.run_hours, "cost_per_run": each.cost,
    }  # fmt: skip


def answer(
    question: Question, *, tables: Sequence[Table], finding: str, prices: Sequence[Price], work: Work,
    assumptions: Sequence[str], formulas: Sequence[str], data: Mapping[str, Any], bars: Sequence[Candidate],
) -> Answer:  # fmt: skip
    """All of it, with what was taken for granted."""
    batch = (f"{question.global_batch} samples a step" if question.global_batch
             else "one micro-batch of every data rank a step")  # fmt: skip
    size = question.model.size
    return Answer(
        title=f"Size of {question.name}", finding=finding, tables=tuple(tables), prices=tuple(prices),
        assumptions=(
            f"{size.parameters:,} parameters, {size.tokens} tokens a sample (--sequence-length)",
            (f"micro-batches of {question.micro_batch}, {batch} (--micro-batch, --global-batch); {question.compute},"
            f" activation checkpointing {question.recompute} (--compute, --recompute)"),
            f"{RESERVE:.0%} of each memory stays free: driver, context, NCCL's buffers, pieces",
            *((f"{work.mfu:.0%} of the peak, on every type (--mfu)",) if work.tokens is not None else ()),
            *assumptions,
        ),
        formulas=(*FORMULAS, *formulas), data=data, figures=lambda: _figures(bars),
    )  # fmt: skip


def _figures(bars: Sequence[Candidate]) -> list[tuple[str, Any]]:
    from trainyard.sizing.figures import memory_bars

    found = []
    for each in bars:
        host = each.cluster.host
        there = host.accelerator_memory_gib or host.memory_gib
        found.append((f"{each.how}<br>{each.name}", each.cluster.memory, there))
    return memory_bars(found) if found else []
