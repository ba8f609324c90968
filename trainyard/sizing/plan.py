"""Hours of a run on a cluster: instance-hours, retries, failures, checkpoints."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ml_contract.checks import between
from ml_contract.errors import ContractError, reject
from ml_contract.sizing.fit import Cluster
from ml_contract.sizing.interruptions import Expectation, InterruptedRun, expect
from ml_contract.sizing.interval import commit_lag, optimal_interval
from ml_contract.training.layout import World

FAILURES_PER_HOST_HOUR = 1.6e-4
"""419 unexpected interruptions in 54 days of 2048 hosts of 8 H100 (The Llama 3 Herd of Models, arXiv 2407.21783,
section 3.3.4, read 2026-11-22): 419 / (54 x 24 x 2048), one a host in nine months."""
MFU = 0.35
"""Share of the peak; an assumption of this project, 2026-11-22, below the 38 to 43 % that Llama 3 reports on 8 to 16
thousand H100 (arXiv 2407.21783, table 4)."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """How long a run is: so many hours as measured, or so many tokens."""

    hours: float | None = None
    """Measured on the cluster that is asked about; None to reckon from ``tokens``."""
    tokens: float | None = None
    """Tokens that are trained on; None where hours are given, or nobody says."""
    mfu: float = MFU
    """Share of the accelerators' peak that goes into the model's own arithmetic."""

    def __post_init__(self) -> None:
        if self.hours is not None and self.tokens is not None:
            reject("--tokens", self.tokens, f"--hours says {self.hours:g} already", "Give one of them.")
        if self.hours is not None:
            between("--hours", self.hours, 0, 24 * 365 * 10, open_low=True)
        if self.tokens is not None:
            between("--tokens", self.tokens, 0, 1e15, open_low=True)
        between("--mfu", self.mfu, 0, 1, open_low=True)

    def on(self, cluster: Cluster) -> float | None:
        """Hours on a cluster, 6 N + 12 L H Q T operations a token over the peak's share (arXiv 2204.02311, appendix B).

        None where nobody says how much work there is, or the accelerator's peak is not known.
        """
        if self.tokens is None:
            return self.hours
        peak = cluster.host.peak_flops
        if peak is None:
            return None
        workload = cluster.run.workload
        operations = self.tokens * workload.flops_per_sample / workload.size.tokens
        return operations / (cluster.count * cluster.host.accelerators * peak * self.mfu) / 3600


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """When to save, and what failures cost."""

    failure_seconds: float
    """Mean time between failures of the whole job."""
    lag_seconds: float
    """From a save to its commit."""
    interval_seconds: float
    """By Young and Daly, not below the lag."""
    expected: Expectation | None
    """Of the whole run with failures; None where nobody says how long it is, or it hardly ever gets to a commit."""


def retries(slo_hours: float, run_hours: float) -> int:
    """Further attempts from the start that fit into an SLO: floor(SLO / run) - 1.

    Raises:
        ContractError: Not even the first attempt fits.
    """
    between("--slo-hours", slo_hours, 0, 24 * 365, open_low=True)
    if slo_hours < run_hours:
        reject("--slo-hours", slo_hours, f"a run takes {run_hours:.4g} h", "Give more time, or more instances.")
    return math.floor(slo_hours / run_hours + 1e-9) - 1


def instance_hours(count: int, run_hours: float, runs_per_month: float) -> tuple[float, float]:
    """Of a run, and of a month of runs."""
    return count * run_hours, count * run_hours * runs_per_month


def checkpoints(
    cluster: Cluster, *, failures_per_host_hour: float, stall_seconds: float, restart_seconds: float,
    hours: float | None,
) -> Checkpoints | None:  # fmt: skip
    """When to save on a cluster; None without failures.

    Args:
        cluster: Hosts and run.
        failures_per_host_hour: Of one host; any of them stops the job.
        stall_seconds: For which training stands still at a save.
        restart_seconds: From a failure to the first new step.
        hours: Of the run; None where nobody says.
    """
    between("--failures-per-host-hour", failures_per_host_hour, 0, 10)
    if failures_per_host_hour == 0:
        return None
    world = World(hosts=cluster.count, ranks_per_host=cluster.host.processes)
    between_failures = 3600 / (failures_per_host_hour * cluster.count)
    lag = commit_lag(cluster.run, world)
    interval = max(lag, optimal_interval(stall_seconds, between_failures))
    expected = None
    if hours is not None:
        try:
            expected = expect(InterruptedRun(
                work_seconds=hours * 3600, interval_seconds=min(interval, hours * 3600), stall_seconds=stall_seconds,
                commit_seconds=min(lag, hours * 3600), restart_seconds=restart_seconds,
                per_hour=3600 / between_failures,
            ))  # fmt: skip
        except ContractError:
            expected = None
    return Checkpoints(failure_seconds=between_failures, lag_seconds=lag, interval_seconds=interval, expected=expected)
