"""A run as a HyperPodPyTorchJob: what the manifest asks for, and what is refused before anybody submits it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.hyperpod.duties import Taint
from constructs_lib.hyperpod.eks.manifest import check
from constructs_lib.hyperpod.eks.queues import TeamQueue, Unqueued
from constructs_lib.hyperpod.eks.recovery import LogRule, Recovery, steps_go_on
from constructs_lib.hyperpod.eks.volumes import ClaimedVolume
from constructs_lib.hyperpod.jobs.kubernetes import KubernetesJob
from constructs_lib.hyperpod.jobs.places import FolderChannel, FolderCode, SharedCheckpoints
from constructs_lib.training.image import EcrImage
from constructs_lib.training.resources import TrainingResources
from constructs_lib.values import InvalidValue
from ml_contract.hyperparameters import decode
from ml_contract.instances import CATALOGUE
from ml_contract.prometheus import FOLDER, FOLDER_VARIABLE
from ml_contract.training.optimization import AdamW
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp
from ml_contract.training.surroundings import Checkpointing, MemoryTier
from ml_contract.workloads import BytesLm

IMAGE = EcrImage(repository="trainyard-hyperpod", tag="1", modules=frozenset({"hyperpod_elastic_agent"}))
SHARED = ClaimedVolume(name="shared", mount_path="/fsx", claim="fsx")
TEAM = TeamQueue(team="vision", priority="training")
RECOVERY = Recovery(restarts=10, full_restarts=2, rules=(steps_go_on(first_within_s=900, next_within_s=300),))


def run(hosts: int, ranks: int) -> TrainingRun:
    return TrainingRun(workload=BytesLm(), strategy=Ddp(), optimizer=AdamW(learning_rate=1e-3),
                       global_batch_size=hosts * ranks, steps=100)  # fmt: skip


def job(instance_type: str = "ml.p5.48xlarge", hosts: int = 2, **fields: Any) -> KubernetesJob:
    entry = CATALOGUE[instance_type]
    given: dict[str, Any] = {
        "name": "bytes",
        "run": run(hosts, entry.processes),
        "resources": TrainingResources(instance_type=instance_type, instance_count=hosts, volume_gib=50,
                                       efa=entry.has_efa),
        "code": FolderCode(path="/fsx/code"),
        "data": (FolderChannel(name="train", path="/fsx/data"),),
        "checkpoints": SharedCheckpoints(path="/fsx/checkpoints"),
        "container": IMAGE,
        "placement": TEAM,
        "service_account": "jobs",
        "memory_gib": max(1, int(entry.memory_gib * 0.9)),
        "shared_memory_gib": 1,
        "recovery": RECOVERY,
        "volumes": (SHARED,),
    }  # fmt: skip
    return KubernetesJob(**{**given, **fields})


def in_memory(**fields: Any) -> TrainingRun:
    tier = MemoryTier(every_steps=10, **fields)
    return dataclasses.replace(run(2, 8), checkpointing=Checkpointing(memory=tier))


def pod(made: KubernetesJob) -> dict[str, Any]:
    return made.manifest()["spec"]["replicaSpecs"][0]["template"]["spec"]


def variables(made: KubernetesJob) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in pod(made)["containers"][0]["env"]}


def test_a_node_of_p5_is_taken_as_a_whole() -> None:
    limits = pod(job())["containers"][0]["resources"]["limits"]
    assert limits["nvidia.com/gpu"] == "8"
    assert limits["vpc.amazonaws.com/efa"] == "32"
    assert limits["hugepages-2Mi"] == "5120Mi"


def test_a_pod_writes_to_the_node_s_own_disks_or_asks_for_space() -> None:
    with_disks, without = pod(job())["containers"][0], pod(job("ml.c5.4xlarge"))["containers"][0]
    (scratch,) = (mount for mount in with_disks["volumeMounts"] if mount["mountPath"] == "/opt/ml")
    assert scratch["subPathExpr"] == "$(TRAINYARD_POD)"
    assert "ephemeral-storage" not in with_disks["resources"]["limits"]
    assert without["resources"]["limits"]["ephemeral-storage"] == "50Gi"


def test_figures_go_where_the_nodes_exporter_looks() -> None:
    made = job()
    (volume,) = (one for one in pod(made)["volumes"] if one["name"] == "figures")
    (mount,) = (one for one in pod(made)["containers"][0]["volumeMounts"] if one["name"] == "figures")
    assert volume["hostPath"]["path"] == mount["mountPath"] == variables(made)[FOLDER_VARIABLE] == FOLDER


def test_checkpoints_in_memory_outlive_the_pod_within_its_own_memory() -> None:
    made = job(run=in_memory(copies=2), checkpoint_memory_gib=64)
    (volume,) = (one for one in pod(made)["volumes"] if one["name"] == "checkpoint-memory")
    (mount,) = (one for one in pod(made)["containers"][0]["volumeMounts"] if one["name"] == "checkpoint-memory")
    assert volume["hostPath"]["path"].startswith("/dev/shm/")
    told = decode(TrainingRun, json.loads(variables(made)["TRAINYARD_HYPERPARAMETERS"])).checkpointing.memory
    assert told == MemoryTier(every_steps=10, copies=2, folder=mount["mountPath"], budget_mib=64 * 1024)
    assert pod(made)["containers"][0]["resources"] == pod(job())["containers"][0]["resources"]
    assert not any(one["name"] == "checkpoint-memory" for one in pod(job())["volumes"])


def test_requests_equal_limits() -> None:
    amounts = pod(job())["containers"][0]["resources"]
    assert amounts["requests"] == amounts["limits"]


def test_the_team_s_queue_and_priority_are_labels() -> None:
    labels = job().manifest()["metadata"]["labels"]
    assert labels["kueue.x-k8s.io/queue-name"] == "hyperpod-ns-vision-localqueue"
    assert labels["kueue.x-k8s.io/priority-class"] == "training-priority"


def test_pods_without_accelerators_are_kept_on_different_nodes() -> None:
    assert "podAntiAffinity" in pod(job("ml.c5.4xlarge"))["affinity"]
    assert "affinity" not in pod(job())


def test_the_text_holds_no_token_and_no_account() -> None:
    text = job().text()
    assert json.loads(text)["kind"] == "HyperPodPyTorchJob"
    assert "${Token" not in text
    assert "${TRAINYARD_IMAGE}" in text


def test_what_a_submission_knows_is_replaced_and_leaves_a_manifest() -> None:
    text = job().text()
    for name in ("CODE", "CHECKPOINTS", "IMAGE", "RUN"):
        assert f"${{TRAINYARD_{name}}}" in text
        text = text.replace(f"${{TRAINYARD_{name}}}", f"s3://bucket/{name}")
    assert "${" not in text
    check(json.loads(text))


def test_the_run_crosses_whole() -> None:
    hyperparameters = json.loads(variables(job())["TRAINYARD_HYPERPARAMETERS"])
    assert json.loads(hyperparameters["global_batch_size"]) == 16
    assert "checkpoint_uri" not in hyperparameters


def test_hanging_jobs_are_told_by_the_metric_lines_of_any_run() -> None:
    (rule,) = job().manifest()["spec"]["runPolicy"]["logMonitoringConfiguration"]
    import re

    assert re.fullmatch(rule["logPattern"], "[default0]:[metrics] step=12 train:loss=2.5")
    assert rule["expectedRecurringFrequencyInSeconds"] == 300


def test_a_taint_is_tolerated_with_its_value_or_any() -> None:
    taints = (Taint(key="a", effect="NoSchedule"), Taint(key="b", value="c", effect="NoExecute"))
    assert pod(job(tolerates=taints))["tolerations"] == [
        {"key": "a", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "b", "operator": "Equal", "value": "c", "effect": "NoExecute"},
    ]


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"container": EcrImage(repository="a", tag="1")}, "container.modules", "below 2.12"),
        ({"memory_gib": 2000}, "memory_gib", "Give at most 1945"),
        ({"memory_gib": 1500, "tiered_percent": 30}, "memory_gib", "30 % are for tiered checkpoints"),
        ({"checkpoint_memory_gib": 64}, "checkpoint_memory_gib", "exactly where run.checkpointing.memory is"),
        ({"run": in_memory()}, "checkpoint_memory_gib", "exactly where run.checkpointing.memory is"),
        (
            {"run": in_memory(folder="/dev/shm/x"), "checkpoint_memory_gib": 64},
            "run.checkpointing.memory.folder",
            "the job gives it",
        ),
        (
            {"run": in_memory(), "checkpoint_memory_gib": 64, "tiered_percent": 20, "memory_gib": 1000},
            "tiered_percent",
            "AWS's daemon beside",
        ),
        (
            {"run": in_memory(), "checkpoint_memory_gib": 64, "memory_gib": 64},
            "checkpoint_memory_gib",
            "within memory_gib, 64",
        ),
        (
            {"run": in_memory(), "checkpoint_memory_gib": 1100, "memory_gib": 1900},
            "checkpoint_memory_gib",
            "Give at most 1024",
        ),
        ({"memory_gib": 10, "shared_memory_gib": 11}, "shared_memory_gib", "pod's memory"),
        ({"volumes": ()}, "data.train", "no volume is mounted"),
        ({"volumes": (SHARED, SHARED)}, "volumes.name", "differ"),
        (
            {"volumes": (SHARED, ClaimedVolume(name="a", mount_path="/opt/ml", claim="a"))},
            "volumes.mount_path",
            "differ",
        ),
        ({"checkpoints": SharedCheckpoints(path="/home")}, "checkpoints.path", "no volume"),
        ({"spares": 1, "placement": Unqueued(name="default")}, "spares", "queue"),
        ({"environment": {"NNODES": "3"}}, "environment.NNODES", "operator sets it"),
    ],
)
def test_refused(fields: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidValue, match=words) as raised:
        job(**fields)
    assert raised.value.problems[0].field.endswith(field)


@pytest.mark.parametrize(
    ("pattern", "words"), [("(?=a)", "cannot look around"), (r"(a)\1", "refer back"), ("(a", "no regular expression")]
)
def test_a_pattern_is_one_that_the_operator_can_read(pattern: str, words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        LogRule(name="Steps", pattern=pattern, is_fault=True)


def test_rules_are_told_apart_by_name() -> None:
    rule = steps_go_on(first_within_s=1, next_within_s=1)
    with pytest.raises(InvalidValue, match="rules have different names"):
        Recovery(restarts=1, full_restarts=0, restarts_before_full=1, rules=(rule, rule))


def test_a_rule_must_say_something() -> None:
    with pytest.raises(InvalidValue, match="says nothing"):
        LogRule(name="Nothing", pattern=".*")


def test_a_full_restart_that_never_comes_is_refused() -> None:
    with pytest.raises(InvalidValue, match="no full one would come"):
        Recovery(restarts=2, full_restarts=1, restarts_before_full=3)


TYPES = sorted(name for name, entry in CATALOGUE.items() if entry.device is None or entry.device.runs_on == "cuda")


@given(st.sampled_from(TYPES), st.integers(1, 64))
@settings(max_examples=25, deadline=None)
def test_every_type_and_size_makes_a_manifest_that_its_schema_takes(name: str, hosts: int) -> None:
    entry = CATALOGUE[name]
    made = job(name, hosts)
    assert made.manifest()["spec"]["replicaSpecs"][0]["replicas"] == hosts
    limits = pod(made)["containers"][0]["resources"]["limits"]
    assert int(limits.get("nvidia.com/gpu", 0)) == entry.accelerators
    assert int(limits.get("vpc.amazonaws.com/efa", 0)) == entry.efa_interfaces
