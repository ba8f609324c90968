"""Clusters of an environment: what is refused, and what their stacks hold."""

import json
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from hyperpod_values import changed, pods
from synthesis import actions, resources, template

from constructs_lib.hyperpod import Karpenter, NodeClass, OneType
from constructs_lib.hyperpod.jobs.places import SharedCheckpoints
from constructs_lib.network import Place
from constructs_lib.training import CodeBundle
from environments import PROD, RESEARCH
from environments.prod import FILES, SLURM
from environments.research import EKS
from ml_contract.clusters import jobs
from ml_contract.clusters.metric_images import IMAGES
from stacks.clusters import NoSpares
from stacks.clusters.platform import place


def test_a_mount_names_a_file_system_of_the_environment() -> None:
    with pytest.raises(ValueError, match=r"mounts: got 'shared', but the environment has the file systems \(none\)"):
        changed(PROD, file_systems=())


@pytest.mark.parametrize("field", ["clusters", "file_systems"])
def test_names_differ(field: str) -> None:
    with pytest.raises(ValueError, match=rf"{field}: got .*each has its own name"):
        changed(PROD, **{field: getattr(PROD, field) * 2})


def test_a_file_system_by_efa_is_where_its_nodes_are() -> None:
    with pytest.raises(
        ValueError, match=r"file_systems.shared.subnet: got 'us-east-1a', but .*nodes of slurm. .*\"Slurm\""
    ):
        changed(PROD, file_systems=(changed(FILES, subnet="us-east-1a"),))


def test_runs_have_different_names() -> None:
    with pytest.raises(ValueError, match=r"runs: got \['bytes-lm', 'bytes-lm'\], but each run has its own name"):
        changed(SLURM, runs=SLURM.runs * 2)


def test_a_runs_partition_is_the_clusters() -> None:
    with pytest.raises(ValueError, match=r"partition: got 'night', but the cluster has train"):
        changed(SLURM, runs=(changed(SLURM.runs[0], partition="night"),))


@pytest.mark.parametrize("cluster", [SLURM, EKS], ids=["slurm", "eks"])
def test_a_run_takes_no_more_nodes_than_there_are(cluster: Any) -> None:
    more = changed(cluster.runs[0], resources=changed(cluster.runs[0].resources, instance_count=19))
    with pytest.raises(ValueError, match=r"got '19 × ml.p5.48xlarge', but the .* has 18 of them"):
        changed(cluster, runs=(more,))


@pytest.mark.parametrize("cluster", [SLURM, EKS], ids=["slurm", "eks"])
def test_a_run_leaves_the_spares_that_the_formula_comes_to(cluster: Any) -> None:
    more = changed(cluster.runs[0], resources=changed(cluster.runs[0].resources, instance_count=17))
    with pytest.raises(
        ValueError,
        match=r"runs.bytes-lm.resources: got '17 × ml.p5.48xlarge', but there are 18 of them, and .* in 2% of all "
        r"cases, where 1% is what may be. Give the group 19, take 16 nodes, or write spares=NoSpares\(\)",
    ):
        changed(cluster, runs=(more,))
    assert changed(cluster, runs=(more,), spares=NoSpares()).runs == (more,)


def test_what_becomes_of_a_run_that_loses_a_node_is_said() -> None:
    given = {name: getattr(SLURM, name) for name in type(SLURM).model_fields if name != "spares"}
    with pytest.raises(ValueError, match=r"spares: got None, but it has no default .* NoSpares\(\)"):
        type(SLURM)(**given)


@pytest.mark.parametrize(
    ("field", "match"),
    [
        ("team", r"placement.team: got 'night', but the cluster's governance has models, vision"),
        ("priority", r"placement.priority: got 'night', but the cluster's governance has training, experiments"),
    ],
)
def test_a_queue_is_one_that_governance_makes(field: str, match: str) -> None:
    elsewhere = changed(EKS.runs[0], placement=changed(EKS.runs[0].placement, **{field: "night"}))
    with pytest.raises(ValueError, match=match):
        changed(EKS, runs=(elsewhere,))


def test_without_governance_there_is_no_queue() -> None:
    with pytest.raises(ValueError, match=r"placement.team: got 'models', but .* has none. .* Unqueued"):
        changed(EKS, governance=None)


def test_output_goes_where_every_node_sees_it() -> None:
    elsewhere = changed(SLURM, runs=(changed(SLURM.runs[0], output="/home/somebody"),))
    with pytest.raises(ValueError, match=r"output: got '/home/somebody', but every node sees /fsx"):
        changed(PROD, clusters=(elsewhere,))


def test_control_plane_and_cluster_share_a_name() -> None:
    with pytest.raises(ValueError, match=r"control_plane.name: got 'other', but .* share the name eks"):
        changed(EKS, control_plane=changed(EKS.control_plane, name="other"))


def test_a_run_leaves_the_cluster_its_tiered_memory() -> None:
    with pytest.raises(ValueError, match=r"tiered_percent: got 20, but the cluster keeps 0 %"):
        changed(EKS, runs=(changed(EKS.runs[0], tiered_percent=20, memory_gib=1000),))


def subnet(name: str) -> Place:
    return Place(name=name, zone="us-east-1b", subnet=None, room=9, spare=0)


def test_a_subnet_is_one_of_the_networks() -> None:
    network = SimpleNamespace(jobs=(subnet("us-east-1b"),), clusters={"Slurm": subnet("Slurm")})
    assert place(network, "Slurm", field="subnet").name == "Slurm"
    with pytest.raises(ValueError, match=r"files\.subnet: got 'Night', but the network has us-east-1b, Slurm\."):
        place(network, "Night", field="files.subnet")


def test_a_subnet_is_refused_where_it_is_named() -> None:
    network = SimpleNamespace(jobs=(), clusters={"Slurm": subnet("Slurm")})
    for field, named in (("subnet", {"subnet": "Night"}), ("further_subnets.0", {"further_subnets": ("Night",)})):
        with pytest.raises(ValueError, match=rf"clusters\.slurm\.{field}: got 'Night'"):
            changed(SLURM, **named)._places(network)


def test_a_name_has_room_for_the_environments() -> None:
    long = changed(SLURM, settings=changed(SLURM.settings, name="a" * 49))
    with pytest.raises(ValueError, match=r"settings.name: got 'a{49}', but .*63 characters.* Shorten it by 1\."):
        long.make(None, None, name=PROD.cluster_name(long.name), orchestrator=long.orchestrator)


def test_a_run_of_slurm_says_all_that_a_job_can_ask_for() -> None:
    asked = {"at_limit": "end", "retries": 0, "account": "models", "checkpoints": SharedCheckpoints(path="/fsx/state")}
    storage: Any = None  # everything of this run is in folders
    job = changed(SLURM.runs[0], **asked).job(Mock(spec=CodeBundle), storage, cluster="slurm")
    assert {name: getattr(job, name) for name in asked} == asked


@pytest.mark.parametrize(("type_", "taken"), [("ml.g5.xlarge", True), ("ml.p5.48xlarge", False)])
def test_a_run_is_as_large_as_it_likes_in_a_scaled_group_alone(type_: str, taken: bool) -> None:
    scaled = pods("scaled", count=0, hosts=OneType(instance_type="ml.g5.xlarge"))
    settings = changed(EKS.settings, groups=(*EKS.settings.groups, scaled),
                       autoscaling=Karpenter(node_classes=(NodeClass(name="g5", groups=("scaled",)),)))  # fmt: skip
    resources = changed(EKS.runs[0].resources, instance_type=type_, instance_count=99, efa=type_ != "ml.g5.xlarge")
    run = changed(EKS.runs[0], resources=resources)
    if taken:
        assert changed(EKS, settings=settings, runs=(run,)).runs == (run,)
    else:
        with pytest.raises(ValueError, match=r"got '99 × ml.p5.48xlarge', but the cluster has 18 of them"):
            changed(EKS, settings=settings, runs=(run,))


@pytest.mark.parametrize(("environment", "kind"), [(PROD, "slurm"), (RESEARCH, "kubernetes")], ids=["slurm", "eks"])
def test_hosts_of_h100_for_a_run_of_sixteen_that_is_found_by_name(environment: Any, kind: str) -> None:
    (cluster,) = environment.clusters
    found = template(environment.stage, f"Cluster-{cluster.name}")
    ((_, entry),) = resources(found, "AWS::SageMaker::Cluster").items()
    groups = {group["InstanceGroupName"]: group for group in entry["Properties"]["InstanceGroups"]}
    assert (groups["workers"]["InstanceType"], groups["workers"]["InstanceCount"]) == ("ml.p5.48xlarge", 18)
    assert cluster.runs[0].resources.instance_count == 16
    parameters = {entry["Properties"]["Name"]: entry for entry in resources(found, "AWS::SSM::Parameter").values()}
    name = f"trainyard-{environment.name}-{cluster.name}"
    assert entry["Properties"]["ClusterName"] == name
    parameter = parameters[jobs.parameter(environment.name, name, "bytes-lm")]
    assert f'"kind":"{kind}"' in json.dumps(parameter["Properties"]["Value"]).replace("\\", "")


def test_workers_write_checkpoints_and_the_login_node_reads_the_job() -> None:
    found = template("Prod", "Cluster-slurm")
    allowed = {
        name: {
            (action, json.dumps(statement["Resource"]))
            for entry in resources(found, "AWS::IAM::Policy").values()
            if f"Cluster{name}Role" in json.dumps(entry["Properties"]["Roles"])
            for statement in entry["Properties"]["PolicyDocument"]["Statement"]
            for action in actions(statement)
        }
        for name in ("workers", "login")
    }
    writes = {place for action, place in allowed["workers"] - allowed["login"] if action == "s3:PutObject"}
    assert all("/clusters/slurm/bytes-lm/*" in place for place in writes)
    assert writes
    assert any(action == "ssm:GetParameter" for action, _ in allowed["login"] - allowed["workers"])


def test_nodes_of_slurm_are_refused_until_what_measures_them_is_in_the_registry() -> None:
    nodes, before = template("Prod", "Cluster-slurm"), template("Prod", "Observability")
    (assertion,) = nodes["Rules"]["ImagesFirst"]["Assertions"]
    noted, wanted = assertion["Assert"]["Fn::Equals"]
    parameter = nodes["Parameters"][noted["Ref"]]["Default"]
    assert parameter in [entry["Properties"].get("Name") for entry in resources(before, "AWS::SSM::Parameter").values()]
    (copied,) = (json.dumps(entry["Value"]) for name, entry in before["Outputs"].items() if "MirrorCommands" in name)
    assert f"&& aws ssm put-parameter --region us-east-1 --name {parameter} --value {wanted} --overwrite" in copied


def test_the_log_that_hyperpod_makes_gets_an_end_and_a_key() -> None:
    commands = json.dumps(template("Prod", "Cluster-slurm")["Outputs"]["LogCommands"]["Value"])
    assert "put-retention-policy --log-group-name /aws/sagemaker/Clusters/trainyard-prod-slurm/" in commands
    assert f"--retention-in-days {PROD.observability.log_days}" in commands
    assert "associate-kms-key" in commands


def test_the_file_system_stands_where_the_nodes_reach_it_by_efa() -> None:
    found = template("Prod", "Files-shared")
    ((_, entry),) = resources(found, "AWS::FSx::FileSystem").items()
    assert entry["Properties"]["LustreConfiguration"]["EfaEnabled"] is True
    assert entry["Properties"]["StorageCapacity"] == FILES.settings.deployment.capacity_gib == 4800
    assert "SlurmNodes" in json.dumps(entry["Properties"]["SubnetIds"])
    assert entry["DeletionPolicy"] == "Retain"


def test_nodes_are_measured_where_the_environment_has_metrics() -> None:
    found = template("Prod", "Cluster-slurm")
    ((_, cluster),) = resources(found, "AWS::SageMaker::Cluster").items()
    agents = {
        entry["Properties"]["Name"]: name
        for name, entry in resources(found, "AWS::SSM::Parameter").items()
        if "/agents/" in entry["Properties"]["Name"]
    }
    base = "/trainyard/prod/clusters/trainyard-prod-slurm/agents"
    assert set(agents) == {f"{base}/{kind}" for kind in ("controller", "login", "compute")}
    # A node that comes up before its configuration would fail.
    assert set(agents.values()) <= set(cluster["DependsOn"])
    pulled = {
        json.dumps(statement["Resource"])
        for entry in resources(found, "AWS::IAM::Policy").values()
        for statement in entry["Properties"]["PolicyDocument"]["Statement"]
        if "ecr:BatchGetImage" in actions(statement)
    }
    for image in IMAGES:
        assert any(f"repository/trainyard-prod/{image.repository}" in place for place in pulled)


def test_copies_of_what_measures_have_a_place_before_the_nodes() -> None:
    found = template("Prod", "Observability")
    names = {entry["Properties"]["RepositoryName"] for entry in resources(found, "AWS::ECR::Repository").values()}
    # An account may hold several environments.
    assert names == {f"trainyard-prod/{image.repository}" for image in IMAGES}
    (commands,) = (json.dumps(output) for name, output in found["Outputs"].items() if "MirrorCommands" in name)
    for image in IMAGES:
        assert f"crane copy {image.source}@{image.digest} " in commands
        assert f"/trainyard-prod/{image.repository}:{image.tag}" in commands


def test_a_page_of_cloudwatch_has_what_prometheus_does_not_see() -> None:
    ((_, page),) = resources(template("Prod", "Cluster-slurm"), "AWS::CloudWatch::Dashboard").items()
    body = json.dumps(page["Properties"]["DashboardBody"])
    for metric in ("DataReadBytes", "DataWriteBytes", "FreeDataStorageCapacity", "MatchedEvents"):
        assert metric in body
    assert page["Properties"]["DashboardName"] == "trainyard-prod-slurm"
