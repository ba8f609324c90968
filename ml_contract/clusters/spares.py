"""How many spare nodes keep a job from waiting for a replacement.

A node is healthy until it fails, at a rate the same for all nodes, spare or not; then it is away until a replacement
takes its place, and replacements do not wait for each other. With a rate of λ failures an hour and a mean time of R
hours, a node is away for the share

    ρ = λR / (1 + λR)

of its time, whatever the times are distributed like (only their mean counts), and independently of the others. A job
of M nodes on a cluster of M + s loses a node when one of its nodes fails; at that moment the other M + s - 1 nodes are
as at any other moment, and the job waits when s or more of them are away already:

    P(wait) = P(Binomial(M + s - 1, ρ) ≥ s)

Source: B. A. Sevast'yanov, "An ergodic theorem for Markov processes and its application to telephone systems with
refusals", Theory of Probability and its Applications 2 (1957), for the insensitivity; the view of a failing source in
S. S. Lavenberg and M. Reiser, "Stationary state probabilities at arrival instants", J. Applied Probability 17 (1980).
What the model leaves out: failures that take several nodes at once (a rack, a zone), and capacity that does not come.
"""

from __future__ import annotations

import math

from ml_contract.checks import at_least, between
from ml_contract.errors import reject
from ml_contract.values import value_object

MOST_NODES = 6758
"""Of an instance group, and so of a job: ClusterInstanceCount, SageMaker API reference, read 2026-11-22."""


@value_object
class NodeFailures:
    """How often nodes fail, and how long one is away."""

    per_node_hour: float
    """Failures of one node an hour, 0 or more: 1 / 24 / 365 is one a year."""
    replacement_hours: float
    """Mean time from a failure to a node that takes jobs again, hours: detection, a new instance, its scripts, and
    deep health checks where there are any."""

    def __post_init__(self) -> None:
        at_least("failures.per_node_hour", self.per_node_hour, 0)
        between("failures.replacement_hours", self.replacement_hours, 0, 24 * 365, open_low=True)

    @property
    def away(self) -> float:
        """Share of its time that a node is away."""
        load = self.per_node_hour * self.replacement_hours
        return load / (1 + load)

    def hours_between(self, nodes: int) -> float:
        """Mean time between failures of a job on so many nodes, hours; infinite without failures."""
        rate = self.per_node_hour * nodes
        return math.inf if rate == 0 else 1 / rate


def waits(*, nodes: int, spares: int, failures: NodeFailures) -> float:
    """Probability that a job waits for a replacement when it loses a node.

    Args:
        nodes: Nodes of the job, at least 1.
        spares: Further nodes of the cluster, which no job needs.
        failures: How nodes fail.
    """
    at_least("nodes", nodes, 1)
    at_least("spares", spares, 0)
    return _at_least(spares, of=nodes + spares - 1, share=failures.away)


def spares(*, nodes: int, failures: NodeFailures, waiting: float) -> int:
    """Fewest spare nodes with which a job waits with a probability of ``waiting`` at most.

    Args:
        nodes: Nodes of the job, at least 1.
        failures: How nodes fail.
        waiting: Largest probability that a failure ends in waiting; above 0, below 1.

    Raises:
        ContractError: No cluster has that many nodes: so many are away that a job hardly ever runs.
    """
    between("nodes", nodes, 1, MOST_NODES)
    if failures.per_node_hour == 0:
        return 0
    if not 0 < waiting < 1:
        reject("waiting", waiting, "it must be above 0 and below 1", "0.01 is one failure in a hundred.")
    for found in range(MOST_NODES - nodes + 1):
        if waits(nodes=nodes, spares=found, failures=failures) <= waiting:
            return found
    reject("waiting", waiting, f"even {MOST_NODES - nodes} spares do not suffice where a node is away for "
           f"{failures.away:.0%} of its time", "Replace nodes faster, or take a higher probability.")  # fmt: skip


def _at_least(least: int, *, of: int, share: float) -> float:
    """P(Binomial(of, share) ≥ least)."""
    if least <= 0:
        return 1.0
    if share == 0 or least > of:
        return 0.0
    one, other = math.log(share), math.log1p(-share)
    whole = math.lgamma(of + 1)
    terms = (
        math.exp(whole - math.lgamma(k + 1) - math.lgamma(of - k + 1) + k * one + (of - k) * other)
        for k in range(least, of + 1)
    )
    return min(1.0, math.fsum(terms))
