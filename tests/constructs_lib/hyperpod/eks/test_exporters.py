"""Exporters of a cluster on EKS: what an API server would take, and what the collector reads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.hyperpod.eks.exporters import NAMESPACE, REGISTRY, exporters
from constructs_lib.hyperpod.eks.manifest import check
from constructs_lib.observability import collector_configuration
from environments.research import EKS
from ml_contract.clusters.metric_images import IMAGES
from ml_contract.prometheus import FOLDER

GROUPS = EKS.settings.groups
MANIFESTS = exporters(GROUPS)


def daemon(name: str) -> dict[str, Any]:
    (found,) = (one for one in MANIFESTS if one["kind"] == "DaemonSet" and one["metadata"]["name"] == name)
    return dict(found["spec"]["template"]["spec"])


def containers() -> list[dict[str, Any]]:
    pods = [daemon("node-exporter"), daemon("dcgm-exporter")]
    return [one for pod in pods for one in (*pod.get("initContainers", []), *pod["containers"])]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_its_schema_takes_it(manifest: dict[str, Any]) -> None:
    assert check(manifest) is manifest
    assert manifest["kind"] == "Namespace" or manifest["metadata"]["namespace"] == NAMESPACE


def test_the_collector_finds_each_exporter_by_its_port() -> None:
    wanted = {
        job["relabel_configs"][0]["regex"]: job["job_name"]
        for job in collector_configuration("c", 30)["scrape_configs"]
    }
    ports = {wanted[str(port["containerPort"])]: one["name"] for one in containers() for port in one.get("ports", [])}
    assert ports == {"node": "node-exporter", "dcgm": "dcgm-exporter"}


def test_images_are_the_accounts_copies_by_digest() -> None:
    known = {f"${{{REGISTRY}}}/{image.repository}@{image.digest}" for image in IMAGES}
    assert {one["image"] for one in containers()} <= known


def test_the_folder_of_jobs_is_made_for_everybody_and_served() -> None:
    pod = daemon("node-exporter")
    (folder,) = pod["initContainers"]
    assert folder["command"] == ["chmod", "1777", FOLDER]
    assert f"--collector.textfile.directory=/host{FOLDER}" in pod["containers"][0]["args"]


def test_a_volume_that_is_mounted_is_there() -> None:
    for pod in (daemon("node-exporter"), daemon("dcgm-exporter")):
        volumes = {volume["name"] for volume in pod["volumes"]}
        used = {mount["name"] for one in (*pod.get("initContainers", []), *pod["containers"])
                for mount in one["volumeMounts"]}  # fmt: skip
        assert used == volumes


def test_gpus_are_measured_where_they_are() -> None:
    assert "p5.48xlarge" in json.dumps(daemon("dcgm-exporter")["affinity"])
    without = exporters([group for group in GROUPS if group.name == "system"])
    assert [one["metadata"]["name"] for one in without if one["kind"] == "DaemonSet"] == ["node-exporter"]


def test_scripts_survive_what_replaces_variables() -> None:
    """The bundle's own command, with envsubst."""
    program = shutil.which("envsubst")
    if program is None:
        pytest.skip("there is no envsubst: package gettext-base")
    text = json.dumps(MANIFESTS)
    done = subprocess.run(
        [program, f"${{{REGISTRY}}}"], input=text, capture_output=True, text=True, check=True, env={REGISTRY: "here"}
    )
    replaced = json.loads(done.stdout)
    assert replaced[1]["data"] == MANIFESTS[1]["data"]
    assert "${" + REGISTRY not in done.stdout


def test_only_old_figures_of_runs_are_tidied_away(tmp_path: Path) -> None:
    (tidy,) = (one for one in containers() if one["name"] == "tidy")
    for name, hours in (("trainyard-old.prom", 7), ("trainyard-new.prom", 1), ("efa.prom", 9)):
        (tmp_path / name).touch()
        then = time.time() - hours * 3600
        os.utime(tmp_path / name, (then, then))
    once = tidy["command"][-1].replace(FOLDER, str(tmp_path)).replace("sleep 600", "break")
    subprocess.run(["sh", "-c", once], check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["efa.prom", "trainyard-new.prom"]
