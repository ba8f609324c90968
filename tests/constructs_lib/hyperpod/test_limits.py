"""Bounds of single fields: those of the API where it has some, and our own."""

from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from hyperpod_values import group

from constructs_lib.hyperpod import (
    ClusterSettings,
    Compute,
    FirstAvailable,
    InstanceGroup,
    Instances,
    Karpenter,
    KubernetesNode,
    Mount,
    NodeClass,
    Percent,
    Rolling,
    Taint,
    TrainingPlan,
)
from constructs_lib.hyperpod.jobs.places import FolderChannel, FolderCode, SharedCheckpoints
from constructs_lib.hyperpod.jobs.runtimes import PyxisContainer, VirtualEnvironment
from constructs_lib.hyperpod.jobs.slurm_terms import SlurmTerms
from constructs_lib.training import EcrImage
from constructs_lib.values import Value

API = botocore.session.Session().get_service_model("sagemaker")
ZONE = "eu-west-1a"
PLAN = "arn:aws:sagemaker:eu-west-1:123456789012:training-plan/large"
BOUNDS = {"ge": "min", "le": "max", "min_length": "min", "max_length": "max", "pattern": "pattern"}


def bounds(kind: type[Value], field: str) -> dict[str, Any]:
    found = {BOUNDS[name]: getattr(one, name) for one in kind.model_fields[field].metadata for name in BOUNDS
             if getattr(one, name, None) is not None}  # fmt: skip
    return found | ({"pattern": found["pattern"].removeprefix("^").removesuffix("$")} if "pattern" in found else {})


@pytest.mark.parametrize(
    ("kind", "field", "shape"),
    [
        (ClusterSettings, "name", "ClusterName"),
        (ClusterSettings, "groups", "ClusterInstanceGroupSpecifications"),
        (InstanceGroup, "name", "ClusterInstanceGroupName"),
        (InstanceGroup, "count", "ClusterInstanceCount"),
        (InstanceGroup, "minimum", "ClusterInstanceCount"),
        (InstanceGroup, "volume_gib", "ClusterEbsVolumeSizeInGB"),
        (InstanceGroup, "release", "ImageReleaseVersion"),
        (FirstAvailable, "instance_types", "ClusterInstanceTypes"),
        (Compute, "partition", "ClusterPartitionName"),
        (KubernetesNode, "labels", "ClusterKubernetesLabels"),
        (KubernetesNode, "taints", "ClusterKubernetesTaints"),
        (Taint, "key", "ClusterKubernetesTaintKey"),
        (Taint, "value", "ClusterKubernetesTaintValue"),
        (Instances, "count", "NodeUnavailabilityValue"),
        (Rolling, "wait_seconds", "WaitTimeIntervalInSeconds"),
        (Rolling, "alarms", "AutoRollbackAlarms"),
    ],
)
def test_bounds_are_those_of_the_api(kind: type[Value], field: str, shape: str) -> None:
    ours, api = bounds(kind, field), API.shape_for(shape).metadata
    # What the API has without a bound may have one here: a batch is no larger than the largest group.
    shared = ours.keys() & api.keys()
    assert {name: ours[name] for name in shared} == {name: api[name] for name in shared}
    assert "max" in ours or "max" not in api


def terms(**fields: Any) -> SlurmTerms:
    given = {"runtime": VirtualEnvironment(path="/fsx/env"), "output": "/fsx/runs", "time_limit_minutes": 60}
    return SlurmTerms(**{**given, **fields})


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda: TrainingPlan(plan="large", zone=ZONE), "plan: got 'large'"),
        (lambda: TrainingPlan(plan=PLAN, zone="eu-west-1"), "zone: got 'eu-west-1'"),
        (lambda: group(zone="eu-west-1"), "zone: got 'eu-west-1'"),
        (lambda: group(image="ami-1"), "image: got 'ami-1'"),
        (lambda: group(deep_checks=("InstanceStress",) * 3), "deep_checks: got .* at most 2"),
        (lambda: FirstAvailable(instance_types=()), "instance_types: got .* at least 1"),
        (lambda: Instances(count=6759), "count: got 6759"),
        (lambda: Percent(percent=0), "percent: got 0"),
        (lambda: Percent(percent=101), "percent: got 101"),
        (lambda: Karpenter(node_classes=()), "node_classes: got .* at least 1"),
        (lambda: NodeClass(name="GPU", groups=("a",)), "name: got 'GPU'"),
        (lambda: NodeClass(name="g" * 64, groups=("a",)), "name: got .* at most 63"),
        (lambda: NodeClass(name="gpu", groups=()), "groups: got .* at least 1"),
        (lambda: Mount(file_system="", path="/fsx"), "file_system: got ''"),
        (lambda: Mount(file_system="shared", path="/" + "x" * 1024), "path: got .* at most 1024"),
        (lambda: FolderChannel(name="a b", path="/fsx"), "name: got 'a b'"),
        (lambda: FolderChannel(name="train", path="fsx"), "path: got 'fsx'"),
        (lambda: FolderCode(path="fsx"), "path: got 'fsx'"),
        (lambda: SharedCheckpoints(path="fsx"), "path: got 'fsx'"),
        (lambda: VirtualEnvironment(path="fsx"), "path: got 'fsx'"),
        (lambda: PyxisContainer(image=EcrImage(repository="a", tag="1"), mounts=()), "mounts: got .* at least 1"),
        (lambda: terms(time_limit_minutes=365 * 24 * 60 + 1), "time_limit_minutes: got 525601"),
        (lambda: terms(retries=-1), "retries: got -1"),
        (lambda: terms(retries=101), "retries: got 101"),
        (lambda: terms(partition="big one"), "partition: got 'big one'"),
        (lambda: terms(account="-x"), "account: got '-x'"),
    ],
)
def test_what_is_out_of_bounds_is_refused(build: Callable[[], object], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        build()
