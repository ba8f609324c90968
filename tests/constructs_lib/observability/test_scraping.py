"""Configurations of agents and of the managed collector."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from constructs_lib.observability import agent_configuration, collector_configuration
from constructs_lib.observability.exporters import EXPORTERS, KNOWN, KUEUE, SLURM
from ml_contract.clusters.exporters import PORTS
from ml_contract.errors import ContractError
from tests.constructs_lib.observability.test_expressions import expressions

PLACE = {"cluster": "research", "endpoint": "https://aps/workspaces/ws-1/", "region": "us-east-1"}


@pytest.mark.parametrize(
    ("node_type", "jobs"),
    [("compute", ["node", "dcgm"]), ("controller", ["node"]), ("login", ["node"])],
)
def test_a_node_scrapes_the_exporters_that_it_has(node_type: str, jobs: list[str]) -> None:
    found = agent_configuration(node_type, **PLACE)["scrape_configs"]
    assert [job["job_name"] for job in found] == jobs
    assert [job["static_configs"][0]["targets"] for job in found] == [[f"localhost:{PORTS[name]}"] for name in jobs]


def test_samples_go_to_the_workspace_signed() -> None:
    (write,) = agent_configuration("login", **PLACE)["remote_write"]
    assert write["url"] == "https://aps/workspaces/ws-1/api/v1/remote_write"
    assert write["sigv4"] == {"region": "us-east-1"}


def test_every_series_says_cluster_and_node() -> None:
    labels = agent_configuration("login", **PLACE)["global"]["external_labels"]
    assert labels == {"cluster": "research", "node": "${HOSTNAME}"}


@pytest.mark.parametrize("seconds", [29, 301])
def test_an_interval_out_of_range_is_refused(seconds: int) -> None:
    with pytest.raises(ContractError, match="every_seconds"):
        agent_configuration("login", **PLACE, every_seconds=seconds)
    with pytest.raises(ContractError, match="every_seconds"):
        collector_configuration("research", seconds)


def test_the_collector_finds_pods_by_the_ports_of_exporters() -> None:
    ports = {exporter.name: str(exporter.port) for exporter in EXPORTERS}
    for job in collector_configuration("research", 30)["scrape_configs"]:
        keep, label = job["relabel_configs"]
        assert (keep["action"], keep["regex"]) == ("keep", ports[job["job_name"]])
        assert label["target_label"] == "node"


def test_alerts_and_pages_ask_for_jobs_that_there_are() -> None:
    jobs = {job["job_name"] for job in agent_configuration("compute", **PLACE)["scrape_configs"]}
    jobs |= {job["job_name"] for job in collector_configuration("research", 30)["scrape_configs"]}
    asked = {name for _, expression in expressions() for name in re.findall(r'job="(\w+)"', expression)}
    assert asked <= jobs
    assert asked


def sent(configuration: dict[str, Any]) -> set[str]:
    """Metrics that a configuration lets through."""

    def listed() -> Iterator[str]:
        for job in configuration["scrape_configs"]:
            (keep,) = (rule for rule in job["metric_relabel_configs"] if rule["action"] == "keep")
            assert keep["source_labels"] == ["__name__"]
            yield from keep["regex"].split("|")

    return set(listed())


def test_what_is_looked_at_is_sent_and_nothing_else() -> None:
    nodes = {kind: sent(agent_configuration(kind, **PLACE)) for kind in ("compute", "controller", "login")}
    assert nodes["compute"] == KNOWN - SLURM.metrics - KUEUE.metrics - {"up"}
    assert nodes["controller"] - nodes["login"] == SLURM.metrics
    assert nodes["login"] < nodes["compute"]
    assert sent(collector_configuration("research", 30)) == KNOWN - SLURM.metrics - {"up"}


def test_a_configuration_fits_into_a_parameter() -> None:
    """Of the standard tier: 4096 characters."""
    place = {
        **PLACE,
        "cluster": "c" * 63,
        "endpoint": f"https://aps-workspaces.ap-northeast-3.amazonaws.com/{'w' * 60}/",
    }
    for kind in ("compute", "controller", "login"):
        assert len(json.dumps(agent_configuration(kind, **place), separators=(",", ":"))) <= 4096
