"""A cluster of each kind in one stack, synthesised once, and its parts by the scene's name."""

import functools
import json
import tempfile
from pathlib import Path
from typing import Any, ClassVar, Literal

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct
from hyperpod_values import ZONE, controller, group, login, pods, settings, slurm

from constructs_lib.hyperpod import (
    AccountingDatabase,
    ByFile,
    FirstAvailable,
    HyperPodCluster,
    Instances,
    Karpenter,
    KubernetesNode,
    Mount,
    NodeClass,
    NodeScripts,
    OneType,
    Percent,
    Rolling,
    Scheduled,
    SharedLustre,
    SharedOpenZfs,
    Spot,
    Taint,
    TieredCheckpoints,
    TrainingPlan,
    WhenIdle,
)
from constructs_lib.hyperpod.orchestrators import ClusterBinding, Orchestrator, OrchestratorConfig
from constructs_lib.network import (
    ACCOUNTING,
    HYPERPOD,
    JOBS,
    ClusterSubnet,
    Network,
    NetworkSettings,
    Nodes,
    know_availability_zones,
)
from ml_contract.clusters.mounts import Scratch
from ml_contract.clusters.people import Directory
from ml_contract.clusters.software import Containers

OTHER_ZONE = "eu-west-1b"
PLAN = "arn:aws:sagemaker:eu-west-1:123456789012:training-plan/large"
_FOLDER = tempfile.TemporaryDirectory(prefix="trainyard-clusters-")  # removed when the tests end
SECRET = "hall/directory"
DIRECTORY = Directory(
    domain="corp.example.com", uri="ldaps://ldap.corp.example.com", search_base="dc=corp", bind_name="cn=nodes",
    secret=SECRET, groups=("people",), admins="operators", home="/fsx/home",
)  # fmt: skip


class Pods(Orchestrator):
    """An EKS cluster that exists."""

    kind: ClassVar[Literal["Slurm", "Eks"]] = "Eks"

    def bind(self, scope: Construct, binding: ClusterBinding) -> OrchestratorConfig:
        arn = "arn:aws:eks:eu-west-1:123456789012:cluster/pods"
        return OrchestratorConfig(orchestrator={"eks": {"clusterArn": arn}}, lifecycle=None)


class World:
    """A stack with a cluster of each kind."""

    def __init__(self) -> None:
        self.app = cdk.App(outdir=str(Path(_FOLDER.name) / "out"))
        env = cdk.Environment(account="123456789012", region="eu-west-1")
        self.stack = cdk.Stack(self.app, "S", env=env)
        zones = (ZONE, OTHER_ZONE)
        know_availability_zones(self.stack, zones)
        workers = Nodes(instance_type="ml.p5.48xlarge", count=20)
        self.network = Network(
            self.stack, "Network", removal=cdk.RemovalPolicy.DESTROY,
            settings=NetworkSettings(
                cidr="10.0.0.0/16", availability_zones=zones, nodes=64, efa=True, log_days=1,
                purposes=(JOBS, HYPERPOD, ACCOUNTING),
                clusters=(ClusterSubnet(name="Hall", zone=ZONE, nodes=(workers,)),
                          ClusterSubnet(name="Pods", zone=ZONE,
                                        nodes=(Nodes(instance_type="ml.p5.48xlarge", count=8, pods=49),)),
                          ClusterSubnet(name="PodsB", zone=OTHER_ZONE, nodes=(workers,))),
            ),
        )  # fmt: skip
        self.people = iam.Role(self.stack, "People", assumed_by=iam.AccountRootPrincipal())
        self.key = kms.Key(self.stack, "Key", enable_key_rotation=True)
        faulty = cloudwatch.Metric(namespace="Hall", metric_name="FaultyNodes")
        self.alarm = cloudwatch.Alarm(
            self.stack, "Faulty", alarm_name="faulty", metric=faulty, threshold=1, evaluation_periods=1
        )
        self.clusters = {"hall": self._hall(), "bench": self._bench(), "pods": self._pods()}

    def _cluster(self, name: str, **given: Any) -> HyperPodCluster:
        return HyperPodCluster(
            self.stack, name.capitalize(), network=self.network, key=self.key, removal=cdk.RemovalPolicy.RETAIN, **given
        )

    def _hall(self) -> HyperPodCluster:
        """The size of the example: 16 hosts of P5, with everything that Slurm has."""
        mounts = (Mount(file_system="shared", path="/fsx"), Mount(file_system="homes", path="/home"))
        workers = group(
            count=16, mounts=mounts, interface="efa", volume_gib=500, minimum=8, threads_per_core=1,
            deep_checks=("InstanceStress", "InstanceConnectivity"), patching=WhenIdle(together=False),
        )  # fmt: skip
        scripts = NodeScripts(
            event="OnInitComplete", logins="with-job", users=DIRECTORY,
            scratch=Scratch(path="/opt/dlami/nvme", minimum_gib=1000), containers=Containers(),
        )  # fmt: skip
        hall = self._cluster(
            "hall",
            settings=settings(controller(mounts=mounts), login(mounts=mounts, count=2), workers),
            orchestrator=slurm(
                scripts=scripts,
                accounting=AccountingDatabase(instance_class="m6g.large", storage_gib=50, backup_days=14, standby=True),
            ),
            places=[self.network.clusters["Hall"]],
            file_systems={
                "shared": SharedLustre(
                    dns_name="fs-0123456789abcdef0.fsx.eu-west-1.amazonaws.com", mount_name="abcdefgh", efa_zone=ZONE
                ),
                "homes": SharedOpenZfs(dns_name="fs-0123456789abcdef1.fsx.eu-west-1.amazonaws.com"),
            },
        )
        hall.grant_sessions(self.people)
        cdk.Tags.of(hall.resource).add("team", "models")
        return hall

    def _bench(self) -> HyperPodCluster:
        """A small one, in the older way."""
        small = OneType(instance_type="ml.g5.xlarge")
        return self._cluster(
            "bench",
            settings=settings(
                controller(),
                group(hosts=small, release="1.2.3"),
                name="bench",
                provisioning="AllOrNothing",
                recovery="None",
            ),
            orchestrator=slurm(configuration=ByFile(), scripts=NodeScripts(event="OnCreate", logins="anyone")),
            places=[self.network.jobs[0]],
        )

    def _pods(self) -> HyperPodCluster:
        """What EKS alone has."""
        rolling = Rolling(
            batch=Instances(count=1), rollback_batch=Percent(percent=50), wait_seconds=600, alarms=("faulty",)
        )
        duty = KubernetesNode(labels={"team": "vision"}, taints=(Taint(key="gpu", value="h100", effect="NoSchedule"),))
        return self._cluster(
            "pods",
            settings=settings(
                pods("trained", count=4, duty=duty, capacity=TrainingPlan(plan=PLAN, zone=ZONE),
                     image="ami-0123456789abcdef0",
                     patching=Scheduled(cron="cron(0 3 ? * SUN *)", rolling=rolling)),
                pods("scaled", count=0, capacity=Spot(), zone=OTHER_ZONE, interface="efa-only",
                     hosts=FirstAvailable(instance_types=("ml.p5.48xlarge", "ml.p5e.48xlarge"))),
                name="pods", tiered=TieredCheckpoints(memory_percent=40),
                autoscaling=Karpenter(node_classes=(NodeClass(name="gpu", groups=("scaled",)),)),
            ),
            orchestrator=Pods(),
            places=[self.network.clusters["Pods"], self.network.clusters["PodsB"]],
            alarms={"faulty": self.alarm},
        )  # fmt: skip


@functools.cache
def world() -> World:
    return World()


@functools.cache
def folder() -> Path:
    """The cloud assembly."""
    return Path(world().app.synth().directory)


@functools.cache
def template() -> dict[str, Any]:
    return json.loads((folder() / "S.template.json").read_text())


def cluster(scene: str) -> dict[str, Any]:
    """The cluster of a scene, as the template has it."""
    (found,) = (
        entry
        for name, entry in template()["Resources"].items()
        if entry["Type"] == "AWS::SageMaker::Cluster" and entry["Properties"]["ClusterName"] == scene
    )
    return found


def groups(scene: str) -> dict[str, dict[str, Any]]:
    return {entry["InstanceGroupName"]: entry for entry in cluster(scene)["Properties"]["InstanceGroups"]}


def statements(scene: str, group: str) -> list[dict[str, Any]]:
    """What the instances of a group may do."""
    prefix = f"{scene.capitalize()}{group}RoleDefaultPolicy"
    (policy,) = (entry for name, entry in template()["Resources"].items() if name.startswith(prefix))
    return policy["Properties"]["PolicyDocument"]["Statement"]
