"""The file system as a template, and as the request that it becomes."""

import json
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from policies import allows
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
from trainyard.local.api.shapes import violations

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


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def made(world: World) -> dict[str, LustreFileSystem]:
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


@pytest.fixture(scope="module")
def template(world: World, made: dict[str, LustreFileSystem]) -> dict:
    return world.app.synth().stacks[0].template


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


@pytest.mark.parametrize("name", ["Fast", "Plain", "Scratch", "Elastic"])
def test_the_request_is_one_that_fsx_knows(template: dict, name: str) -> None:
    model = botocore.session.get_session().get_service_model("fsx")
    request = plain(file_system(template, name)["Properties"])
    assert list(violations(model.operation_model("CreateFileSystem").input_shape, request)) == []


def test_links_are_requests_that_fsx_knows(template: dict) -> None:
    model = botocore.session.get_session().get_service_model("fsx")
    shape = model.operation_model("CreateDataRepositoryAssociation").input_shape
    links = resources(template, "AWS::FSx::DataRepositoryAssociation")
    assert len(links) == 2
    for link in links.values():
        assert list(violations(shape, plain(link["Properties"]))) == []


def test_properties_are_those_of_the_resource_type(template: dict) -> None:
    from importlib.resources import files

    known = json.loads((files("trainyard.local.cloudformation") / "schemas.json").read_text())["types"]
    kind = "AWS::FSx::FileSystem"
    for entry in resources(template, kind).values():
        assert set(known[kind]["required"]) <= set(entry["Properties"]) <= set(known[kind]["properties"])


def test_the_fast_one_stands_with_its_nodes_under_the_key(template: dict) -> None:
    found = file_system(template, "Fast")
    properties, lustre = found["Properties"], found["Properties"]["LustreConfiguration"]
    assert (properties["StorageCapacity"], properties["FileSystemTypeVersion"]) == (4800, "2.15")
    assert (lustre["DeploymentType"], lustre["PerUnitStorageThroughput"]) == ("PERSISTENT_2", 1000)
    assert (lustre["EfaEnabled"], lustre["MetadataConfiguration"]) == (True, {"Mode": "AUTOMATIC"})
    (subnet,) = properties["SubnetIds"]
    assert template["Resources"][subnet["Ref"]]["Properties"]["AvailabilityZone"] == ZONES[0]
    assert "Key" in json.dumps(properties["KmsKeyId"])
    assert (found["DeletionPolicy"], found["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_scratch_has_neither_throughput_nor_key(template: dict) -> None:
    properties = file_system(template, "Scratch")["Properties"]
    assert "KmsKeyId" not in properties
    assert set(properties["LustreConfiguration"]) == {
        "DeploymentType", "DataCompressionType", "WeeklyMaintenanceStartTime"
    }  # fmt: skip


def test_daily_copies_have_the_file_systems_tags(template: dict) -> None:
    lustre = file_system(template, "Plain")["Properties"]["LustreConfiguration"]
    assert (lustre["AutomaticBackupRetentionDays"], lustre["DailyAutomaticBackupStartTime"]) == (7, "04:00")
    assert lustre["CopyTagsToBackups"] is True


def rules(template: dict, name: str, *, direction: str = "Ingress") -> list[tuple[str, str, tuple[object, object]]]:
    """Rules of one file system: group, peer, ports."""
    peer = {"Ingress": "SourceSecurityGroupId", "Egress": "DestinationSecurityGroupId"}[direction]
    found = [entry["Properties"] for entry in of(template, f"AWS::EC2::SecurityGroup{direction}", name).values()]
    return sorted(
        (one["GroupId"]["Fn::GetAtt"][0], one[peer]["Fn::GetAtt"][0],
         (one.get("FromPort", one["IpProtocol"]), one.get("ToPort", one["IpProtocol"])))
        for one in found
    )  # fmt: skip


def groups(template: dict, name: str) -> tuple[str, str]:
    (own,) = of(template, "AWS::EC2::SecurityGroup", name)
    (nodes,) = of(template, "AWS::EC2::SecurityGroup", "NetworkNodes")
    return own, nodes


@pytest.mark.parametrize("direction", ["Ingress", "Egress"])
def test_by_efa_servers_and_nodes_exchange_all_traffic_by_their_groups(template: dict, direction: str) -> None:
    own, nodes = groups(template, "Fast")
    everything = ("-1", "-1")
    expected = sorted([(own, own, everything), (own, nodes, everything), (nodes, own, everything)])
    assert rules(template, "Fast", direction=direction) == expected


@pytest.mark.parametrize("direction", ["Ingress", "Egress"])
def test_by_tcp_lustres_ports_are_open_both_ways_and_no_others(template: dict, direction: str) -> None:
    own, nodes = groups(template, "Scratch")
    pairs = [(own, own), (own, nodes), (nodes, own)]
    expected = sorted((*pair, ports) for pair in pairs for ports in ((988, 988), (1018, 1023)))
    assert rules(template, "Scratch", direction=direction) == expected


def test_a_further_group_can_be_let_in(template: dict) -> None:
    (others,) = of(template, "AWS::EC2::SecurityGroup", "Others")
    own, _ = groups(template, "Plain")
    found = {(group, peer) for group, peer, _ in rules(template, "Plain")}
    assert {(own, others), (others, own)} < found


def test_servers_reach_nothing_else(template: dict) -> None:
    (group,) = of(template, "AWS::EC2::SecurityGroup", "Fast").values()
    assert [rule["CidrIp"] for rule in group["Properties"]["SecurityGroupEgress"]] == ["255.255.255.255/32"]


def test_fsx_finds_all_rules_when_it_makes_the_file_system(template: dict) -> None:
    wanted = {
        *of(template, "AWS::EC2::SecurityGroupIngress", "Fast"),
        *of(template, "AWS::EC2::SecurityGroupEgress", "Fast"),
    }
    assert wanted <= set(file_system(template, "Fast")["DependsOn"])


def test_links_are_made_one_after_the_other_and_say_what_is_copied(template: dict) -> None:
    data, results = (
        of(template, "AWS::FSx::DataRepositoryAssociation", f"FastLink{name}") for name in ("data", "results")
    )
    ((first, one),), (two,) = data.items(), results.values()
    assert two["DependsOn"] == [first]
    assert one["Properties"]["S3"] == {"AutoImportPolicy": {"Events": ["NEW", "CHANGED"]}}
    assert two["Properties"]["S3"] == {"AutoExportPolicy": {"Events": ["NEW"]}}
    assert (two["Properties"]["FileSystemPath"], two["Properties"]["ImportedFileChunkSize"]) == ("/results", 256)
    assert one["Properties"]["DataRepositoryPath"]["Fn::Join"][1][2] == "/shared/"


def test_failures_of_the_mirror_are_logged_where_fsx_may_write(template: dict) -> None:
    ((name, log),) = of(template, "AWS::Logs::LogGroup", "Fast").items()
    assert log["Properties"]["LogGroupName"].startswith("/aws/fsx/")
    assert log["Properties"]["RetentionInDays"] == 30
    written = file_system(template, "Fast")["Properties"]["LustreConfiguration"]["LogConfiguration"]
    assert (written["Level"], written["Destination"]["Fn::Join"][1][-1]) == ("WARN_ERROR", {"Ref": name})
    assert "LogConfiguration" not in file_system(template, "Plain")["Properties"]["LustreConfiguration"]


FSX_ROLE = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/s3.data-source.lustre.fsx.amazonaws.com/"
    "AWSServiceRoleForFSxS3Access_fs-0123456789abcdef0"
)


@pytest.mark.parametrize(
    ("principal", "via", "passes"),
    [
        (FSX_ROLE, "s3.us-east-1.amazonaws.com", True),
        (FSX_ROLE, "ec2.us-east-1.amazonaws.com", False),
        (FSX_ROLE.replace(ACCOUNT, "999999999999"), "s3.us-east-1.amazonaws.com", False),
        (f"arn:aws:iam::{ACCOUNT}:role/Other", "s3.us-east-1.amazonaws.com", False),
    ],
)
def test_the_roles_of_linked_file_systems_use_the_buckets_key_through_s3(
    template: dict, principal: str, via: str, passes: bool
) -> None:
    ((_, key),) = of(template, "AWS::KMS::Key", "Key").items()
    # The account's own statement hands the decision to its identities' policies, of which FSx's role has none.
    statements = key["Properties"]["KeyPolicy"]["Statement"][1:]
    found = allows(statements, "kms:GenerateDataKey", "*", aws__PrincipalArn=principal, kms__ViaService=via)
    assert found is passes


def test_a_node_may_ask_whether_efa_is_on_and_nothing_more(template: dict) -> None:
    ((_, policy),) = of(template, "AWS::IAM::Policy", "Role").items()
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    own = f"arn:aws:fsx:us-east-1:{ACCOUNT}:file-system/fs-0123456789abcdef0"
    assert allows(statements, "fsx:DescribeFileSystems", own)
    assert not allows(statements, "fsx:DeleteFileSystem", own)


def test_a_channel_of_jobs_begins_at_the_mount_name_and_opens_nothing_twice(
    world: World, made: dict[str, LustreFileSystem]
) -> None:
    channel = made["Fast"].channel("data", directory="/data")
    assert channel.file_system.security_group is None
    assert world.stack.resolve(channel.directory)["Fn::Join"] == [
        "", ["/", {"Fn::GetAtt": [world.stack.resolve(made["Fast"].id)["Ref"], "LustreMountName"]}, "/data"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (lambda _: {"key": None}, "key: .*are encrypted with a key of the account"),
        (lambda _: {"deployment": Scratch2(capacity_gib=1200)}, "AWS encrypts Scratch2 with keys of its own"),
        (lambda world: {"buckets": world.buckets}, r"the repositories name \[\]"),
        (lambda _: {"mirror": MIRROR}, r"buckets: got \[\].*the repositories name \['data', 'results'\]"),
        (lambda _: {"deployment": Persistent2(capacity_gib=24_000_000, throughput=250, efa=False)},
         r"place: got 'Slurm', but the servers take 1\d+ addresses and 1019 are spare there"),
        (lambda world: {"place": world.network.jobs[0],
                        "deployment": Persistent2(capacity_gib=26_400, throughput=250, efa=False)},
         "place: got 'us-east-1a', but the servers take 12 addresses and 11 are spare there.*others=12"),
    ],
)  # fmt: skip
def test_what_does_not_fit_where_it_is_put(world: World, fields: Callable[[World], dict], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        world.make(f"Wrong{abs(hash(message))}", **fields(world))


def test_a_place_of_another_network_is_refused(world: World) -> None:
    place = World().network.clusters["Slurm"]
    with pytest.raises(ValueError, match="no subnet of the network whose nodes mount the file system"):
        world.make("Elsewhere", place=place)


def test_the_logical_id_names_what_never_changes(template: dict) -> None:
    found = [name.rstrip("0123456789ABCDEF") for name in resources(template, "AWS::FSx::FileSystem")]
    assert found == [
        "FastFileSystemPersistentEfa",
        "PlainFileSystemPersistent",
        "ScratchFileSystemScratch",
        "ElasticFileSystemTiering",
    ]
