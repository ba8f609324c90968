"""How many spares a job needs, held against a chain of nodes that is solved in fractions."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_contract.clusters.spares import MOST_NODES, NodeFailures, spares, waits
from ml_contract.errors import ContractError

FAILURES = st.builds(NodeFailures, per_node_hour=st.floats(1e-6, 0.05), replacement_hours=st.floats(0.01, 24))
NODES = st.integers(1, 64)
WAITING = st.floats(0.0001, 0.5)


@given(NODES, FAILURES, WAITING)
def test_it_is_the_fewest_that_suffice(nodes: int, failures: NodeFailures, waiting: float) -> None:
    found = spares(nodes=nodes, failures=failures, waiting=waiting)
    assert waits(nodes=nodes, spares=found, failures=failures) <= waiting
    assert found == 0 or waits(nodes=nodes, spares=found - 1, failures=failures) > waiting


@given(NODES, st.integers(0, 20), FAILURES)
def test_one_more_spare_never_makes_a_job_wait_more(nodes: int, number: int, failures: NodeFailures) -> None:
    less = waits(nodes=nodes, spares=number + 1, failures=failures)
    assert less <= waits(nodes=nodes, spares=number, failures=failures) + 1e-12


@given(st.integers(1, 12), st.integers(0, 5), st.integers(1, 40), st.integers(1, 40))
def test_it_is_what_a_chain_of_nodes_comes_to(nodes: int, number: int, failing: int, repairing: int) -> None:
    """Nodes away as a birth-death chain with exponential times, solved in fractions, seen by a node that fails."""
    rate, repair = Fraction(failing, 100), Fraction(repairing, 10)
    others = nodes + number - 1
    weights = [Fraction(1)]
    for away in range(others):
        weights.append(weights[-1] * (others - away) * rate / ((away + 1) * repair))
    expected = sum(weights[number:], Fraction(0)) / sum(weights)
    failures = NodeFailures(per_node_hour=float(rate), replacement_hours=float(1 / repair))
    assert waits(nodes=nodes, spares=number, failures=failures) == pytest.approx(float(expected), rel=1e-9, abs=1e-15)


def test_without_a_spare_every_failure_waits() -> None:
    assert waits(nodes=16, spares=0, failures=NodeFailures(per_node_hour=0.001, replacement_hours=1)) == 1


def test_nodes_that_never_fail_need_no_spare() -> None:
    never = NodeFailures(per_node_hour=0, replacement_hours=1)
    assert (spares(nodes=16, failures=never, waiting=0.01), never.hours_between(16)) == (0, math.inf)


def test_the_examples_sixteen_hosts_take_two_spares() -> None:
    # A failure a node in 90 days, and three hours with deep health checks.
    failures = NodeFailures(per_node_hour=1 / 24 / 90, replacement_hours=3)
    assert (spares(nodes=16, failures=failures, waiting=0.01), round(failures.hours_between(16))) == (2, 135)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"nodes": 0}, "nodes: got 0"),
        ({"nodes": MOST_NODES + 1}, "nodes: got"),
        ({"waiting": 0.0}, "waiting: got 0.0, but it must be above 0 and below 1"),
        ({"waiting": 1.0}, "waiting: got 1.0"),
        ({"failures": NodeFailures(per_node_hour=1000, replacement_hours=24)}, "even 6742 spares do not suffice"),
    ],
)
def test_what_no_cluster_can_be_is_refused(given: dict, match: str) -> None:
    sound = {"nodes": 16, "waiting": 0.01, "failures": NodeFailures(per_node_hour=0.001, replacement_hours=1)}
    with pytest.raises(ContractError, match=match):
        spares(**{**sound, **given})


@pytest.mark.parametrize("fields", [{"per_node_hour": -1}, {"replacement_hours": 0}, {"replacement_hours": 10000}])
def test_failures_have_a_rate_and_a_time(fields: dict) -> None:
    with pytest.raises(ContractError, match=f"failures.{next(iter(fields))}"):
        NodeFailures(**{"per_node_hour": 0.001, "replacement_hours": 1, **fields})
