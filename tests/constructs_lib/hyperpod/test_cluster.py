"""Clusters of every kind, as their template has them."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore.session
import cluster_schema
import hyperpod_scenes as scenes
import pytest
from cdk_nag import AwsSolutionsChecks
from synthesis import actions

from constructs_lib.hyperpod import ByApi
from constructs_lib.hyperpod.combinations import KEPT
from ml_contract.clusters.lifecycle import LifecycleConfiguration
from ml_contract.clusters.provisioning import ProvisioningParameters
from ml_contract.errors import ContractError
from stacks.acknowledgements import reason_for
from trainyard.local.api.shapes import violations

pytestmark = pytest.mark.slow  # about eight seconds for all scenes, once
SCENES = ("hall", "bench", "pods")


def opaque(value: Any) -> Any:
    """The properties with something that stands for any value in place of references."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")):
            return {"Get": "reference"}
        return {key: opaque(item) for key, item in value.items()}
    return [opaque(item) for item in value] if isinstance(value, list) else value


def allowed(scene: str, group: str) -> dict[str, list[str]]:
    """Resources by action of what instances may do."""
    found: dict[str, list[str]] = {}
    for statement in scenes.statements(scene, group):
        resources = statement["Resource"]
        for action in actions(statement):
            found.setdefault(action, []).extend(
                map(json.dumps, resources if isinstance(resources, list) else [resources])
            )
    return found


@pytest.mark.parametrize("scene", SCENES)
def test_what_cloudformation_sends_is_a_request_that_sagemaker_takes(scene: str) -> None:
    shape = botocore.session.Session().get_service_model("sagemaker").operation_model("CreateCluster").input_shape
    assert violations(shape, opaque(scenes.cluster(scene)["Properties"]), expressions=True) == []


def test_every_property_of_cloudformation_is_written_or_left_out_with_a_reason() -> None:
    # Of clusters without continuous provisioning alone, which the API describes.
    (strategy,) = ByApi(strategy="Merge").render()
    written = {f"Orchestrator.Slurm.{strategy[0].upper()}{strategy[1:]}"}.union(
        *(cluster_schema.of_properties(scenes.cluster(scene)["Properties"]) for scene in SCENES)
    )
    left_out = cluster_schema.told("no value writes")
    missing = cluster_schema.of_cloudformation() - written
    assert [name for name in sorted(missing) if not cluster_schema.below(name, left_out)] == []
    assert left_out <= missing, "this is written by now"


def test_the_page_has_what_cloudformation_lacks_of_the_api() -> None:
    lacking = cluster_schema.of_api() - cluster_schema.of_cloudformation()
    told = cluster_schema.told("CloudFormation lacks")
    assert [name for name in sorted(lacking) if not cluster_schema.below(name, told)] == []
    assert told <= lacking, "CloudFormation has this by now"


def test_cfn_lint_finds_nothing() -> None:
    path = scenes.folder() / "S.template.json"
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--format", "json", "--", str(path)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    assert [entry for entry in found if entry["Level"] == "Error"] == []


def test_cdk_nag_finds_what_nodes_must_have() -> None:
    scenes.folder()
    found = {
        (re.sub(r"\[.*", "", violation.rule_name), resource.construct_path.removeprefix("S/"))
        for violation in AwsSolutionsChecks().validate_scope(scenes.world().app).violations
        for resource in violation.violating_resources
        if resource.construct_path and not reason_for(violation.rule_name, resource.construct_path)
    }
    # IAM5: calls that know no resource, interfaces that are not there yet; SMG4: slurmdbd reads its password at start.
    policies = {("AwsSolutions-IAM5", f"{scene.capitalize()}/{group}/Role/DefaultPolicy/Resource")
                for scene in SCENES for group in scenes.groups(scene)}  # fmt: skip
    assert found - policies == {
        ("AwsSolutions-IAM5", "People/DefaultPolicy/Resource"),
        ("AwsSolutions-IAM5", "Pods/ScalingRole/DefaultPolicy/Resource"),
        ("AwsSolutions-SMG4", "Hall/DatabaseSecret/Resource"),
    }


@pytest.mark.parametrize("scene", SCENES)
def test_a_cluster_comes_after_what_its_deletion_needs(scene: str) -> None:
    before, resources = set(scenes.cluster(scene)["DependsOn"]), scenes.template()["Resources"]
    wanted = {
        name
        for name, entry in resources.items()
        if (entry["Type"] == "AWS::IAM::Policy" and name.startswith(scene.capitalize()))
        or (entry["Type"].startswith("AWS::EC2::S") and name.startswith("Network"))
        or entry["Type"] == "AWS::EC2::VPCEndpoint"
    }
    assert len(wanted) > 10
    assert wanted <= before


def test_slurmdbd_finds_its_database_open_and_its_secret_complete() -> None:
    hall, resources = scenes.cluster("hall"), scenes.template()["Resources"]
    (database,) = (name for name, entry in resources.items() if entry["Type"] == "AWS::RDS::DBInstance")
    accounting = hall["Properties"]["Orchestrator"]["Slurm"]["AccountingDatabase"]
    assert accounting["Endpoint"] == {"Fn::GetAtt": [database, "Endpoint.Address"]}
    before = {resources[name]["Type"] for name in hall["DependsOn"] if name.startswith("HallDatabase")}
    assert {"AWS::SecretsManager::SecretTargetAttachment", "AWS::EC2::SecurityGroupIngress"} <= before
    # What is named is waited for already: W3005 of cfn-lint.
    assert database not in hall["DependsOn"]


def test_no_managed_policy_is_attached() -> None:
    roles = [entry for entry in scenes.template()["Resources"].values() if entry["Type"] == "AWS::IAM::Role"]
    assert [entry for entry in roles if "ManagedPolicyArns" in entry["Properties"]] == []


BOTH = {
    "cloudwatch:PutMetricData", "ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:CreateTags",
    "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission", "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
    "ec2:DetachNetworkInterface", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams",
    "logs:PutLogEvents", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
}  # fmt: skip
SCRIPTS = {"s3:GetObject", "s3:ListBucket"}
KEYED = {"kms:CreateGrant", "kms:DescribeKey"}
MOUNTED = {"fsx:DescribeFileSystems", "secretsmanager:GetSecretValue"}
PODS = {
    "ec2:AssignPrivateIpAddresses", "ec2:AttachNetworkInterface", "ec2:DescribeInstanceTypes", "ec2:DescribeInstances",
    "ec2:DescribeTags", "ec2:ModifyNetworkInterfaceAttribute", "ec2:UnassignPrivateIpAddresses",
    "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer",
    "eks-auth:AssumeRoleForPodIdentity",
}  # fmt: skip


@pytest.mark.parametrize(
    ("scene", "group", "wanted"),
    [
        ("hall", "workers", BOTH | SCRIPTS | KEYED | MOUNTED),
        ("hall", "controller", BOTH | SCRIPTS | KEYED | MOUNTED | {"secretsmanager:DescribeSecret"}),
        ("bench", "workers", BOTH | SCRIPTS),
        ("pods", "trained", BOTH | PODS | KEYED | {"cloudwatch:DescribeAlarms"}),
        ("pods", "scaled", BOTH | PODS | KEYED),
    ],
)
def test_instances_may_do_what_their_group_needs_and_nothing_else(scene: str, group: str, wanted: set[str]) -> None:
    assert set(allowed(scene, group)) == wanted


@pytest.mark.parametrize("group", ["controller", "login", "workers"])
def test_instances_read_their_own_scripts_alone(group: str) -> None:
    prefix = scenes.groups("hall")[group]["LifeCycleConfig"]["SourceS3Uri"].removeprefix("s3://").partition("/")[2]
    assert allowed("hall", group)["s3:GetObject"][0].endswith(f'{prefix}/*"]]}}')
    assert len(allowed("hall", group)["s3:GetObject"]) == 1


def test_the_controller_alone_reads_the_databases_password() -> None:
    reads = {name: json.dumps(allowed("hall", name)["secretsmanager:GetSecretValue"]) for name in scenes.groups("hall")}
    assert [name for name, resources in reads.items() if "HallDatabaseSecret" in resources] == ["controller"]


def test_all_read_the_directorys_password() -> None:
    reads = [json.dumps(allowed("hall", name)["secretsmanager:GetSecretValue"]) for name in scenes.groups("hall")]
    assert all(f"secret:{scenes.SECRET}-??????" in resources for resources in reads)


def test_instances_log_below_their_clusters_name() -> None:
    (resource,) = allowed("hall", "workers")["logs:PutLogEvents"]
    assert resource.endswith(':log-group:/aws/sagemaker/Clusters/hall/*"]]}')


@pytest.mark.parametrize(("scene", "group", "subnet"), [("hall", "workers", "Hall"), ("pods", "scaled", "PodsB")])
def test_interfaces_are_made_and_deleted_in_the_groups_own_subnet(scene: str, group: str, subnet: str) -> None:
    (deleting,) = (s for s in scenes.statements(scene, group) if "ec2:DeleteNetworkInterface" in actions(s))
    assert f"Network{subnet}NodesSubnet" in json.dumps(deleting["Condition"]["ArnEquals"]["ec2:Subnet"])
    making = json.dumps(allowed(scene, group)["ec2:CreateNetworkInterface"])
    assert f"Network{subnet}NodesSubnet" in making
    assert making.count(":subnet/") == 1


def test_alarms_are_looked_at_by_name() -> None:
    (resource,) = allowed("pods", "trained")["cloudwatch:DescribeAlarms"]
    assert re.fullmatch(r'{"Fn::GetAtt": \["Faulty\w+", "Arn"\]}', resource)


def test_each_groups_volumes_have_a_key_of_their_own() -> None:
    keys = [
        json.dumps(entry["InstanceStorageConfigs"][0]["EbsVolumeConfig"]["VolumeKmsKeyId"])
        for entry in scenes.groups("hall").values()
    ]
    assert len(set(keys)) == 3


def test_without_continuous_provisioning_aws_owns_the_keys() -> None:
    assert "InstanceStorageConfigs" not in scenes.groups("bench")["workers"]


def test_workers_have_volumes_and_file_systems() -> None:
    kinds = [next(iter(entry)) for entry in scenes.groups("hall")["workers"]["InstanceStorageConfigs"]]
    assert kinds == ["EbsVolumeConfig", "EbsVolumeConfig", "FsxLustreConfig", "FsxOpenZfsConfig"]


def test_with_continuous_provisioning_slurm_is_merged() -> None:
    assert set(scenes.cluster("hall")["Properties"]["Orchestrator"]["Slurm"]) == {"AccountingDatabase"}


def test_the_older_way_leaves_slurm_to_the_file() -> None:
    assert "Orchestrator" not in scenes.cluster("bench")["Properties"]
    assert "SlurmConfig" not in scenes.groups("bench")["controller"]


def test_the_database_is_in_two_zones_and_open_to_nodes_alone() -> None:
    resources = scenes.template()["Resources"]
    (subnets,) = (entry for entry in resources.values() if entry["Type"] == "AWS::RDS::DBSubnetGroup")
    assert len(subnets["Properties"]["SubnetIds"]) == 2
    rules = {name: entry["Properties"] for name, entry in resources.items()
             if entry["Type"] == "AWS::EC2::SecurityGroupIngress" and name.startswith("HallDatabaseGroup")}  # fmt: skip
    (rule,) = rules.values()
    assert (rule["FromPort"], rule["ToPort"]) == (3316, 3316)
    assert "NetworkNodesGroup" in json.dumps(rule["SourceSecurityGroupId"])


def test_scripts_are_published_under_their_own_names() -> None:
    manifest = json.loads((scenes.folder() / "S.assets.json").read_text())["files"]
    published = {
        destination["objectKey"]: scenes.folder() / entry["source"]["path"]
        for entry in manifest.values()
        for destination in entry["destinations"].values()
    }
    keys = scenes.cluster("hall")["Metadata"]["trainyard:lifecycle"]
    uri = scenes.groups("hall")["workers"]["LifeCycleConfig"]["SourceS3Uri"]
    prefix = uri.removeprefix("s3://").partition("/")[2]
    names = {key.removeprefix(f"{prefix}/"): published[key].read_text() for key in keys}
    assert names["on_create.sh"].startswith("#!")
    document = LifecycleConfiguration.from_text(names["lifecycle.json"])
    assert [(mount.path, mount.efa) for mount in document.mounts] == [("/fsx", True), ("/home", False)]


def test_the_older_file_lies_beside_the_scripts() -> None:
    folder = scenes.folder()
    keys = scenes.cluster("bench")["Metadata"]["trainyard:lifecycle"]
    (key,) = (key for key in keys if key.endswith("/provisioning_parameters.json"))
    source = json.loads((folder / "S.assets.json").read_text())["files"][key]["source"]["path"]
    assert ProvisioningParameters.from_text((folder / source).read_text()).controller_group == "controller"


def test_a_group_elsewhere_says_where() -> None:
    subnets = json.dumps(scenes.groups("pods")["scaled"]["OverrideVpcConfig"]["Subnets"])
    assert "PodsB" in subnets
    assert "OverrideVpcConfig" not in scenes.groups("pods")["trained"]


def test_autoscaling_acts_as_a_role_of_its_own() -> None:
    (role,) = (
        e for n, e in scenes.template()["Resources"].items() if n.startswith("PodsScalingRole") and "Role" in e["Type"]
    )
    (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "hyperpod.sagemaker.amazonaws.com"}
    assert scenes.cluster("pods")["Properties"]["AutoScaling"] == {"Mode": "Enable", "AutoScalerType": "Karpenter"}


def test_a_release_that_cdks_own_schema_does_not_know_is_acknowledged_where_one_is_given() -> None:
    clusters = scenes.world().clusters
    known = {name: [one.data for one in cluster.resource.node.metadata if one.type == "aws:cdk:acknowledged-rules"]
             for name, cluster in clusters.items()}  # fmt: skip
    assert [name for name, found in known.items() if found] == ["bench"]
    assert set(known["bench"][0]) == {"CloudFormation-Validate::F3002"}


def test_who_may_open_sessions_may_find_the_nodes() -> None:
    (policy,) = (e for n, e in scenes.template()["Resources"].items() if n.startswith("PeopleDefaultPolicy"))
    found = {
        action for statement in policy["Properties"]["PolicyDocument"]["Statement"] for action in actions(statement)
    }
    assert {"ssm:StartSession", "ssm:TerminateSession", "sagemaker:ListClusterNodes"} <= found


def test_a_clusters_own_instances_cannot_wait_for_it() -> None:
    hall = scenes.world().clusters["hall"]
    with pytest.raises(
        ContractError, match="identity: got 'login', but the cluster waits for the roles of its instances"
    ):
        hall.grant_describe(hall.roles["login"])


def test_every_other_id_is_kept_from_groups() -> None:
    clusters = scenes.world().clusters
    found = {child.node.id for one in clusters.values() for child in one.node.children}
    assert found - {group for scene in clusters for group in scenes.groups(scene)} <= KEPT
