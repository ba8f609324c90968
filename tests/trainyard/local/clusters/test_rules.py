"""What is refused of a cluster before anything is made, by field and rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.trainyard.local.clusters.stand_in import Cloud, group, slurm
from trainyard.local.api.errors import ServiceError

SLURM = {"Orchestrator": {"Slurm": {}}}
TRIO = [slurm("head", "Controller", 1), slurm("door", "Login", 1), slurm("workers", "Compute", 2)]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    made = Cloud(tmp_path_factory.mktemp("cloud"))
    yield made
    made.end()


def without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in names}


def scripts(**entries: str) -> dict[str, Any]:
    return {"InstanceGroups": [group(LifeCycleConfig={"SourceS3Uri": "s3://a/b", **entries})]}


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"InstanceGroups": [group("-a")]}, "regular expression pattern"),
        ({"InstanceGroups": [group(count=7000)]}, "less than or equal to 6758"),
        ({"InstanceGroups": [group(InstanceType="ml.magic")]}, "enum value set"),
        ({"NodeRecovery": "Sometimes"}, "enum value set: [Automatic, None]"),
        ({"InstanceGroups": [group(count=65)]}, "at most 64 nodes"),
        ({"InstanceGroups": []}, "length greater than or equal to 1"),
        ({"InstanceGroups": [group(), group()]}, "InstanceGroups.InstanceGroupName: got 'workers' more than once"),
        ({"InstanceGroups": [without(group(), "InstanceType")]}, "exactly one of InstanceType and Instance"),
        (scripts(OnCreate="a", OnInitComplete="b"), "OnCreate and OnInitComplete, but they exclude each other"),
        (scripts(), "give SourceS3Uri and one of"),
        (scripts(OnCreate="../x"), "it must be a file under SourceS3Uri"),
        ({"InstanceGroups": [group(MinInstanceCount=1)]}, "only clusters with NodeProvisioningMode Continuous"),
        ({"InstanceGroups": [group(MinInstanceCount=3)], "NodeProvisioningMode": "Continuous"}, "InstanceCount is 2"),
        ({"InstanceGroups": [group(SlurmConfig={"NodeType": "Compute"})]}, "Orchestrator is not Slurm"),
        ({"InstanceGroups": [group(KubernetesConfig={"Labels": {"a": "b"}})]}, "Orchestrator is not Eks"),
        ({"InstanceGroups": [group(ImageReleaseVersion="1.2.3")]}, "clusters with Orchestrator.Eks only"),
        ({"InstanceGroups": [group(CapacityRequirements={"Spot": {}}, OnStartDeepHealthChecks=["InstanceStress"])]},
         "got checks in a spot group"),
        ({"Orchestrator": {}}, "exactly one of Eks and Slurm"),
        ({**SLURM, "InstanceGroups": [group()]}, "each group has a NodeType"),
        ({**SLURM, "InstanceGroups": TRIO[1:]}, "got as controllers no group"),
        ({**SLURM, "InstanceGroups": [slurm("head", "Controller", 2), TRIO[2]]}, "head with 2"),
        ({**SLURM, "InstanceGroups": [TRIO[0], slurm("door", "Login", 1) | {"SlurmConfig": {"NodeType": "Login",
         "PartitionNames": ["p"]}}]}, "partitions hold Compute nodes"),
        ({**SLURM, "InstanceGroups": [*TRIO, slurm("back", "Login", 1)]}, "got as login groups door, back"),
        ({"Orchestrator": {"Slurm": {"SlurmConfigStrategy": "Managed"}}, "NodeProvisioningMode": "Continuous",
          "InstanceGroups": TRIO}, "slurm.conf is always merged"),
        ({"InstanceGroups": [group(ThreadsPerCore=2, InstanceType="ml.m8g.large")]},
         "InstanceGroups[0].ThreadsPerCore: got 2, but ml.m8g.large does not support multithreading"),
        ({"InstanceGroups": [group(ImageId="ami-0123456789")]}, "one image stands for all"),
        ({"InstanceGroups": [group(NetworkInterface={"InterfaceType": "efa"})]},
         "NetworkInterface.InterfaceType: got 'efa', but ml.c5.xlarge has no Elastic Fabric Adapter"),
        ({"InstanceGroups": [group(ScheduledUpdateConfig={"ScheduleExpression": "rate(1 day)"})]},
         "ScheduledUpdateConfig.ScheduleExpression: got 'rate(1 day)', but it is a cron expression"),
        ({"InstanceGroups": [group(ScheduledUpdateConfig={"ScheduleExpression": "cron(0 3 * * SUN *)"})]},
         "exactly one of day of month and day of week is ?"),
        ({**SLURM, "InstanceGroups": [*TRIO[:2], TRIO[2] | {"ScheduledUpdateConfig": {"ScheduleExpression":
         "cron(0 3 ? * SUN *)", "DeploymentConfig": {"RollingUpdatePolicy": {"MaximumBatchSize": {"Type":
         "INSTANCE_COUNT", "Value": 1}}}}}]}, "only for clusters integrated with Amazon EKS"),
        ({"InstanceGroups": [group(AutoPatchConfig={"PatchingStrategy": "DrainFirst"})]}, "no pods run here"),
        ({"TieredStorageConfig": {"Mode": "Enable"}}, "TieredStorageConfig: got a value, but the embedded cloud"),
        ({"AutoScaling": {"Mode": "Enable", "AutoScalerType": "Karpenter"}}, "there is no Karpenter here"),
    ],
)  # fmt: skip
def test_a_cluster_that_cannot_be_is_refused(cloud: Cloud, request_: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError) as caught:
        cloud.call("CreateCluster", **{"ClusterName": "c", "InstanceGroups": [group()], **request_})
    assert said in caught.value.message
    assert cloud.call("ListClusters")["ClusterSummaries"] == []


EKS = "arn:aws:eks:us-east-1:123456789012:cluster/trainyard"
VPC = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
HYPERPOD = "arn:aws:iam::123456789012:role/scaler"
LUSTRE = "fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com"
MOUNT = f"{LUSTRE}@tcp:/abcd1234"


@pytest.mark.parametrize(
    ("missing", "request_", "said"),
    [
        ("arn:aws:iam::123456789012:role/nodes", {}, "Could not assume role"),
        ("sagemaker-scripts", {}, "InstanceGroups[0].LifeCycleConfig.SourceS3Uri"),
        ("subnet-1", {"VpcConfig": VPC}, "VpcConfig.Subnets[0]: got 'subnet-1', but there is no such subnet"),
        ("sg-2", {"InstanceGroups": [group(OverrideVpcConfig={"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-2"]})]},
         "InstanceGroups[0].OverrideVpcConfig.SecurityGroupIds[0]: got 'sg-2'"),
        ("alias/k", {"InstanceGroups": [group(InstanceStorageConfigs=[{"EbsVolumeConfig": {"VolumeKmsKeyId":
         "alias/k"}}])]}, "there is no such KMS key"),
        (EKS, {"Orchestrator": {"Eks": {"ClusterArn": EKS}}, "VpcConfig": VPC}, "there is no such EKS cluster"),
        (MOUNT, {"InstanceGroups": [group(InstanceStorageConfigs=[{"FsxLustreConfig": {"DnsName": LUSTRE,
         "MountName": "abcd1234"}}])]}, f"FsxLustreConfig: got {MOUNT}, but there is no such file system"),
        (HYPERPOD, {"ClusterRole": HYPERPOD}, "no such role that trusts hyperpod.sagemaker.amazonaws.com"),
    ],
)  # fmt: skip
def test_what_a_cluster_names_must_exist(cloud: Cloud, missing: str, request_: dict[str, Any], said: str) -> None:
    cloud.missing = {missing}
    try:
        with pytest.raises(ServiceError) as caught:
            cloud.call("CreateCluster", **{"ClusterName": "c", "InstanceGroups": [group()], **request_})
    finally:
        cloud.missing = set()
    assert said in caught.value.message


@pytest.mark.parametrize("operation", ["DescribeCluster", "DeleteCluster", "ListClusterNodes", "UpdateClusterSoftware"])
def test_a_cluster_that_is_not_there_is_not_found(cloud: Cloud, operation: str) -> None:
    with pytest.raises(ServiceError) as caught:
        cloud.call(operation, ClusterName="nothing")
    assert caught.value.code == "ResourceNotFound"
