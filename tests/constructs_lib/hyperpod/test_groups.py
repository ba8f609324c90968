"""What one instance group may be."""

import re
from typing import Any

import aws_cdk as cdk
import botocore.session
import pytest
from hyperpod_values import controller, group, pods
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.hyperpod import (
    Compute,
    FirstAvailable,
    InstanceGroup,
    Instances,
    KubernetesNode,
    Mount,
    OnDemand,
    OneType,
    Percent,
    Rolling,
    Scheduled,
    SharedLustre,
    SharedOpenZfs,
    Spot,
    Taint,
    TrainingPlan,
    WhenIdle,
)
from constructs_lib.hyperpod.hosts import NOT_IN_CLUSTERS
from ml_contract.instances import CATALOGUE

API = botocore.session.Session().get_service_model("sagemaker")
PLAN = "arn:aws:sagemaker:eu-west-1:123456789012:training-plan/large"
NIGHT = "cron(0 3 ? * SUN *)"
EDGES = st.sampled_from(["-a", "a-", "a--b", "a_b", "", "ä", "A-1", "a" * 63, "a" * 64, "a\n"])


def refused(match: str):
    return pytest.raises(ValueError, match=match)


def rolling(**fields: Any) -> Rolling:
    return Rolling(**{"batch": Instances(count=1), "wait_seconds": 600, **fields})


@given(EDGES | st.text(alphabet="aA0-_", max_size=70))
def test_a_name_is_taken_when_the_api_takes_it(name: str) -> None:
    shape = API.shape_for("ClusterInstanceGroupName")
    api = re.fullmatch(shape.metadata["pattern"], name) and len(name) <= shape.metadata["max"]
    try:
        InstanceGroup(name=name, duty=Compute(partition="p"), hosts=OneType(instance_type="ml.m5.large"), count=1,
                      capacity=OnDemand())  # fmt: skip
        taken = True
    except ValueError:
        taken = False
    assert taken == bool(api)


@given(st.integers(-10, 7000), st.none() | st.integers(-10, 7000))
def test_a_count_is_within_the_limits_and_at_least_the_minimum(count: int, minimum: int | None) -> None:
    right = 0 <= count <= 6758 and (minimum is None or 0 <= minimum <= count)
    try:
        group(count=count, minimum=minimum)
        taken = True
    except ValueError:
        taken = False
    assert taken == right


def test_types_without_clusters_are_those_that_the_api_lacks() -> None:
    known = set(API.shape_for("ClusterInstanceType").enum)
    assert {name for name in CATALOGUE if name not in known} == NOT_IN_CLUSTERS


def test_a_type_that_no_cluster_has_is_refused() -> None:
    with refused(r"ml\.p3\.2xlarge.*HyperPod clusters do not have this type"):
        OneType(instance_type="ml.p3.2xlarge")


def test_types_are_tried_once_each() -> None:
    with refused("a type is tried once"):
        FirstAvailable(instance_types=("ml.g5.xlarge", "ml.g5.xlarge"))


def test_an_efa_group_has_types_with_efa() -> None:
    with refused(r"interface: got 'efa-only', but ml\.g5\.xlarge has no Elastic Fabric Adapter.*ml\.p5\.48xlarge"):
        group(interface="efa-only", hosts=FirstAvailable(instance_types=("ml.p5.48xlarge", "ml.g5.xlarge")))


def test_spot_has_no_deep_checks() -> None:
    with refused("deep_checks: got .*spot may reclaim.*OnDemand"):
        group(capacity=Spot(), deep_checks=("InstanceStress",))


def test_a_check_that_cloudformation_lacks_is_named() -> None:
    with refused(r"InstanceGroup workers\.deep_checks: got .*CloudFormation does not, .*StartClusterHealthCheck"):
        group(deep_checks=("MultiNodeTrainingValidation",))


def test_deep_checks_are_for_accelerators() -> None:
    with refused(r"they test accelerators, and ml\.m5\.2xlarge has none"):
        controller(deep_checks=("InstanceStress",))


def test_collectives_are_checked_between_two_instances() -> None:
    with refused("it takes two instances, and count is 1"):
        group(count=1, deep_checks=("InstanceConnectivity",))


def test_collectives_are_checked_over_efa() -> None:
    with refused(r"InstanceConnectivity.*ml\.g5\.xlarge has no Elastic Fabric Adapter"):
        group(hosts=OneType(instance_type="ml.g5.xlarge"), deep_checks=("InstanceConnectivity",))


def test_a_plan_reserves_one_type() -> None:
    with refused("a training plan reserves one type"):
        group(capacity=TrainingPlan(plan=PLAN, zone="eu-west-1a"),
              hosts=FirstAvailable(instance_types=("ml.p5.48xlarge", "ml.p5e.48xlarge")))  # fmt: skip


def test_one_image_is_named_in_one_way() -> None:
    with refused("it chooses among HyperPod's images"):
        group(image="ami-0123456789abcdef0", release="1.2.3")


@pytest.mark.parametrize("paths", [("/fsx", "/fsx"), ("/fsx", "/fsx/home")])
def test_mounts_hide_nothing(paths: tuple[str, ...]) -> None:
    with refused(r"mounts\.path: got"):
        group(mounts=tuple(Mount(file_system=str(number), path=path) for number, path in enumerate(paths)))


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        *((path, "it must match") for path in ("fsx", "/", "/fsx/", "//fsx", "/f x")),
        *((path, "it names a folder without . and ..") for path in ("/fsx/..", "/./fsx")),
        *((path, "is HyperPod's own") for path in ("/opt", "/opt/sagemaker", "/opt/slurm/x", "/opt/ml")),
        ("/etc", "it would hide a folder of the operating system"),
    ],
)
def test_a_path_is_free_and_one_that_cloudformation_takes(path: str, rule: str) -> None:
    with refused(f"Mount.path: got {re.escape(repr(path))}, but .*{re.escape(rule)}"):
        Mount(file_system="shared", path=path)


@pytest.mark.parametrize("path", ["/fsx", "/home", "/opt/mlflow", "/var/data"])
def test_other_paths_are_taken(path: str) -> None:
    assert Mount(file_system="shared", path=path).path == path


@given(st.sampled_from(["fs-0123456789abcdef0.fsx.eu-west-1.amazonaws.com", "fs-1", "fc-01234567.x.y", "fs-01234567.x"])
       | st.text(alphabet="fsci-0a.", max_size=30))  # fmt: skip
def test_a_file_systems_name_is_taken_when_the_api_takes_it(name: str) -> None:
    api = re.fullmatch(API.shape_for("ClusterDnsName").metadata["pattern"], name)
    try:
        SharedOpenZfs(dns_name=name)
        taken = True
    except ValueError:
        taken = False
    assert taken == bool(api)


def test_a_root_of_lustre_has_eight_characters() -> None:
    with refused("mount_name: got 'fsx/data', but FSx names a root with 1 to 8"):
        SharedLustre(dns_name="fs-01234567.fsx.eu-west-1.amazonaws.com", mount_name="fsx/data", efa_zone=None)


def test_what_only_a_deployment_knows_is_taken() -> None:
    unknown = cdk.Token.as_string({"Ref": "FileSystem"})
    assert SharedLustre(dns_name=unknown, mount_name=unknown, efa_zone=None).render("/fsx")


@pytest.mark.parametrize("name", ["DEFAULT", "Default"])
def test_a_partition_is_one_that_slurm_makes(name: str) -> None:
    with refused(f"partition: got '{name}', but in slurm.conf the name stands for"):
        Compute(partition=name)


def test_a_group_has_four_entries_of_storage() -> None:
    with refused("a group has 4 entries of storage, of which its volumes take 2"):
        group(volume_gib=1, mounts=tuple(Mount(file_system=name, path=f"/{name}") for name in "abc"))


def test_a_batch_is_no_larger_than_the_group() -> None:
    with refused(r"patching\.rolling\.rollback_batch: got 3, but the group has 2 instances"):
        pods(patching=Scheduled(cron=NIGHT, rolling=rolling(rollback_batch=Instances(count=3))))


@pytest.mark.parametrize("cron", ["cron(0 3 ? * ? *)", "cron(0 3 1 * SUN *)", "cron(0 3 * * SUN *)", "rate(1 day)"])
def test_a_schedule_is_one_that_hyperpod_takes(cron: str) -> None:
    with refused("cron: got"):
        Scheduled(cron=cron)


@pytest.mark.parametrize("cron", [NIGHT, "cron(30 23 1 */3 ? *)", "cron(0 3 ? * 2#1 2027)", "cron(5 4 ? 6 L *)"])
def test_schedules_of_cloudformations_own_pattern_are_taken(cron: str) -> None:
    assert Scheduled(cron=cron).cron == cron


def test_a_rolling_update_renders_batches_and_alarms() -> None:
    patching = Scheduled(cron=NIGHT, rolling=rolling(rollback_batch=Percent(percent=50), alarms=("faulty",)))
    assert patching.render({"faulty": "hall-faulty"}) == {
        "scheduled_update_config": {
            "scheduleExpression": NIGHT,
            "deploymentConfig": {
                "rollingUpdatePolicy": {
                    "maximumBatchSize": {"type": "INSTANCE_COUNT", "value": 1},
                    "rollbackMaximumBatchSize": {"type": "CAPACITY_PERCENTAGE", "value": 50},
                },
                "waitIntervalInSeconds": 600,
                "autoRollbackConfiguration": [{"alarmName": "hall-faulty"}],
            },
        }
    }


@pytest.mark.parametrize(("together", "strategy"), [(True, "WhenAllIdle"), (False, "WhenIdle")])
def test_patches_wait_for_idle_instances(together: bool, strategy: str) -> None:
    assert WhenIdle(together=together).render({}) == {"auto_patch_config": {"patchingStrategy": strategy}}


def test_an_alarm_is_named_once() -> None:
    with refused("an alarm is named once"):
        rolling(alarms=("a", "a"))


@pytest.mark.parametrize(("key", "value"), [("-a", "x"), ("a/b/c", "x"), ("a", "-x"), ("a", "x" * 64), ("x" * 64, "")])
def test_a_label_is_one_of_kubernetes(key: str, value: str) -> None:
    with refused("labels"):
        KubernetesNode(labels={key: value})


def test_a_taint_is_there_once() -> None:
    with refused("key and effect are a taint's identity"):
        KubernetesNode(taints=(Taint(key="a", value="1", effect="NoExecute"), Taint(key="a", effect="NoExecute")))


def test_labels_and_taints_are_rendered() -> None:
    duty = KubernetesNode(labels={"example.com/team": "vision"}, taints=(Taint(key="a", effect="NoSchedule"),))
    assert duty.render() == {
        "kubernetes_config": {
            "labels": {"example.com/team": "vision"},
            "taints": [{"key": "a", "effect": "NoSchedule"}],
        }
    }


def test_a_check_runs_once() -> None:
    with refused("a check runs once"):
        group(deep_checks=("InstanceStress", "InstanceStress"))


@pytest.mark.parametrize(
    ("fields", "path"),
    [({"name": "a"}, "InstanceGroup a.count"), ({"name": "a.b", "count": 2}, "InstanceGroup.name"),
     ({"name": "a", "deep_checks": ("InstanceStress",) * 2, "count": 2}, "InstanceGroup a.deep_checks")],
)  # fmt: skip
def test_a_message_says_which_group_it_is_about(fields: dict[str, Any], path: str) -> None:
    with refused(f"^{re.escape(path)}: got "):
        group(**{"count": -1, **fields})


def test_a_file_system_is_mounted_once() -> None:
    with refused(r"mounts: got \['shared', 'shared'\], but a file system is mounted once"):
        group(mounts=(Mount(file_system="shared", path="/a"), Mount(file_system="shared", path="/b")))
