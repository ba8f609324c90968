"""File systems of each kind in one stack, and their parts by name."""

import json
from typing import Any

from synthesis import context, resources

from constructs_lib.lustre import (
    Backups,
    IntelligentTiering,
    LustreFileSystem,
    LustreSettings,
    Mirror,
    Persistent2,
    ProvisionedCache,
    ProvisionedMetadata,
    Repository,
    Scratch2,
)
from constructs_lib.network import ClusterSubnet, Network, NetworkSettings, Nodes, know_availability_zones

ACCOUNT, ZONES = "111111111111", ("us-east-1a", "us-east-1b")
EFA = Persistent2(capacity_gib=4800, throughput=1000, efa=True)
MIRROR = Mirror(
    log_days=30,
    repositories=(
        Repository(directory="/data", bucket="data", prefix="shared/", imports=("NEW", "CHANGED"), exports=()),
        Repository(directory="/results", bucket="results", prefix="", imports=(), exports=("NEW",), chunk_mib=256),
    ),
)


class World:
    """A stack with a network and buckets, where file systems are made."""

    def __init__(self) -> None:
        import aws_cdk as cdk
        from aws_cdk import aws_ec2 as ec2
        from aws_cdk import aws_iam as iam
        from aws_cdk import aws_kms as kms
        from aws_cdk import aws_s3 as s3

        self.removal = cdk.RemovalPolicy.RETAIN
        self.app = cdk.App(context=context())
        self.stack = cdk.Stack(self.app, "S", env=cdk.Environment(account=ACCOUNT, region="us-east-1"))
        know_availability_zones(self.stack, ZONES)
        cluster = ClusterSubnet(
            name="Slurm", zone=ZONES[0], others=4, nodes=(Nodes(instance_type="ml.p5.48xlarge", count=16),)
        )
        self.network = Network(
            self.stack, "Network", removal=cdk.RemovalPolicy.DESTROY,
            settings=NetworkSettings(cidr="10.0.0.0/20", availability_zones=ZONES, nodes=58, efa=False, log_days=1,
                                     clusters=(cluster,)),
        )  # fmt: skip
        self.key = kms.Key(self.stack, "Key")
        self.buckets = {
            name: s3.Bucket(self.stack, name, encryption=s3.BucketEncryption.KMS, encryption_key=self.key)
            for name in ("data", "results")
        }
        self.role = iam.Role(self.stack, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        self.others = ec2.SecurityGroup(self.stack, "Others", vpc=self.network.vpc)

    def make(self, construct_id: str, **fields: Any) -> LustreFileSystem:
        deployment = fields.pop("deployment", EFA)
        extra = {name: fields.pop(name) for name in ("mirror", "backups") if name in fields}
        settings = LustreSettings(deployment=deployment, compression="LZ4", maintenance="7:03:00", **extra)
        given = {"network": self.network, "place": self.network.clusters["Slurm"], "key": self.key, "buckets": {}}
        return LustreFileSystem(
            self.stack, construct_id, settings=settings, removal=self.removal, **{**given, **fields}
        )


def file_systems(world: World) -> dict[str, LustreFileSystem]:
    """One of each kind, with what is granted on them."""
    found = {
        "Fast": world.make("Fast", mirror=MIRROR, buckets=world.buckets),
        "Plain": world.make(
            "Plain", backups=Backups(days=7, at="04:00"),
            deployment=Persistent2(capacity_gib=2400, throughput=250, efa=False,
                                   metadata=ProvisionedMetadata(operations=6000)),
        ),
        "Scratch": world.make("Scratch", deployment=Scratch2(capacity_gib=1200), key=None),
        "Elastic": world.make(
            "Elastic", deployment=IntelligentTiering(throughput_mbps=4000, metadata_operations=6000,
                                                     cache=ProvisionedCache(gib=512), efa=False)),
    }  # fmt: skip
    found["Fast"].grant_describe(world.role)
    found["Plain"].grant_mount(world.others)
    return found


def of(template: dict, kind: str, name: str) -> dict[str, dict]:
    return {key: entry for key, entry in resources(template, kind).items() if key.startswith(name)}


def file_system(template: dict, name: str) -> dict:
    ((_, entry),) = of(template, "AWS::FSx::FileSystem", name).items()
    return entry


def plain(value: Any) -> Any:
    """Properties with an id for each reference."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref")):
        text = json.dumps(value)
        examples = {"s3://": "s3://bucket/prefix/", "log-group": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/fsx",
                    "FileSystem": "fs-0123456789abcdef0", "Subnet": "subnet-0123456789abcdef0", "Group":
                    "sg-0123456789abcdef0", "Key": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/a"}  # fmt: skip
        return next(example for part, example in examples.items() if part in text)
    return {name: plain(one) for name, one in value.items()}
