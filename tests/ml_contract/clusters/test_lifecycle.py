"""What the scripts of a node are told, and the steps that follow from it."""

from __future__ import annotations

import dataclasses
import itertools
import json

import cluster_documents
import pytest
from cluster_documents import DIGEST, DIRECTORY, KEY, LUSTRE, configuration
from hypothesis import given
from hypothesis import strategies as st

from ml_contract.clusters.exporters import AgentBinary, AgentImage, ExporterBinary, ExporterImage
from ml_contract.clusters.groups import Host, NodeGroup
from ml_contract.clusters.lifecycle import LifecycleConfiguration
from ml_contract.clusters.mounts import MountedByHyperPod, MountedByLifecycle, Scratch, unit_name
from ml_contract.clusters.nodes import NODE_TYPES
from ml_contract.clusters.people import User, UsersFile, users_of
from ml_contract.clusters.places import log_group, log_stream
from ml_contract.clusters.software import Account, Containers, Slurm
from ml_contract.clusters.steps import STEPS, Step
from ml_contract.errors import ContractError

LEAST = {"users": None, "mounts": (), "scratch": None, "containers": None, "exporters": (), "agent": None,
         "slurm": Slurm(daemons="started-after", logins="anyone")}  # fmt: skip


def steps(node_type, **changes):
    return [step.name for step in configuration(**changes).steps(node_type)]


@pytest.mark.parametrize(
    "changes",
    [{}, LEAST, {"mounts": (LUSTRE,)}, {"users": DIRECTORY}, {"containers": Containers(cache="/fsx/layers")}],
    ids=["all", "least", "lustre", "directory", "cache"],
)
def test_a_configuration_comes_back_as_it_was_written(changes):
    told = configuration(**changes)
    assert LifecycleConfiguration.from_text(told.to_text()) == told


def test_the_same_configuration_is_the_same_text():
    assert configuration().to_text() == configuration().to_text()


@pytest.mark.parametrize("name", ["cluster", "groups", "slurm"])
def test_a_field_that_is_missing_is_named(name):
    document = json.loads(configuration().to_text())
    del document[name]
    with pytest.raises(ContractError, match=rf"^{name}: "):
        LifecycleConfiguration.from_text(json.dumps(document))


def test_steps_that_somebody_has_edited():
    document = json.loads(configuration().to_text())
    document["steps"]["compute"].pop()
    with pytest.raises(ContractError, match="they follow from the configuration"):
        LifecycleConfiguration.from_text(json.dumps(document))


def test_a_document_of_another_version():
    with pytest.raises(ContractError, match="this is version 1"):
        LifecycleConfiguration.from_text('{"version": 0}')


@given(st.lists(st.sampled_from(STEPS), unique=True))
def test_nodes_of_every_type_run_their_steps_in_one_order(picked):
    order = [step.name for step in STEPS]
    for node_type in NODE_TYPES:
        mine = [name for name in steps(node_type) if name in {step.name for step in picked}]
        assert mine == sorted(mine, key=order.index)


def test_what_a_job_needs_is_there_before_slurmd_starts():
    mine = steps("compute")
    assert mine.index("hold-slurm") < mine.index("mount-shared") < mine.index("add-users")
    for before in ("mount-shared", "configure-containers", "hook-slurm", "restrict-logins", "set-limits"):
        assert mine.index(before) < mine.index("release-slurm") < mine.index("start-slurm")


def test_a_node_does_no_more_than_it_is_asked():
    everywhere = ["check-image", "check-time", "write-hosts", "set-limits", "harden", "check-access"]
    assert steps("login", **LEAST) == everywhere
    assert set(steps("controller", **LEAST)) - set(everywhere) == {"hook-slurm", "release-slurm"}


def test_every_step_is_some_nodes():
    ways = ({}, {"users": DIRECTORY})
    assert {name for node_type, way in itertools.product(NODE_TYPES, ways) for name in steps(node_type, **way)} == {
        step.name for step in STEPS
    }


def test_the_longest_run_counts_tries_pauses_and_the_time_to_die():
    assert Step(name="x", limit=60, tries=3, wait=5).longest == 3 * 70 + 5 + 10


def test_a_node_is_ready_or_failed_within_an_hour():
    # AWS publishes no limit for the scripts; a node that takes longer than this has not been thought about.
    assert all(configuration().longest(node_type) < 3600 for node_type in NODE_TYPES)


def test_what_an_image_must_bring_follows_from_what_is_asked():
    assert configuration(**LEAST).needs("login") == ("chronyc", "sshd", "systemctl")
    assert {"lctl", "modprobe", "mount.lustre"} <= set(configuration(mounts=(LUSTRE,)).needs("login"))
    assert {"docker", "aws", "nvidia-smi", "enroot"} <= set(configuration().needs("compute"))


def test_a_host_is_held_against_the_catalogue():
    assert Host.of("ml.p5.48xlarge", efa=True) == Host(
        instance_type="ml.p5.48xlarge", accelerators=8, efa_interfaces=32
    )
    assert Host.of("ml.p5.48xlarge", efa=False).efa_interfaces == 0
    assert Host.of("ml.trn1.32xlarge", efa=False).accelerators == 0


GROUPS = configuration().groups


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"groups": GROUPS[1:]}, "groups: got .*one group is the controller's"),
        ({"groups": (*GROUPS, GROUPS[2])}, "groups: got 'workers', but it is there twice"),
        ({"mounts": (MountedByHyperPod(path="/fsx"),) * 2}, "mounts: got '/fsx', but it is there twice"),
        ({"mounts": ()}, "users.home: got '/fsx/home', but it is on no shared file system"),
        ({"mounts": (MountedByHyperPod(path="/fs"),)}, "users.home: got '/fsx/home', but it is on no shared"),
        ({"scratch": None}, "containers: got .*Give scratch"),
        ({"containers": Containers(cache="/elsewhere")}, "containers.cache: got '/elsewhere', but it is on no shared"),
        ({"linger": 301}, "linger: got 301"),
        (
            {
                "slurm": Slurm(
                    daemons="started-here", logins="anyone", accounts=(Account(name="a", members=("carol",)),)
                )
            },
            "slurm.accounts.a.members: got 'carol', but no user has this name. Users are alice, bob.",
        ),
    ],
)
def test_parts_that_do_not_go_together(changes, message):
    with pytest.raises(ContractError, match=message):
        configuration(**changes)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: User(name="Alice", uid=2001, gid=2001), "users.name"),
        (lambda: User(name="alice", uid=1000, gid=2001), "users.alice.uid: got 1000"),
        (lambda: User(name="alice", uid=2001, gid=2001, keys=("-----BEGIN OPENSSH PRIVATE KEY-----",)), "alice.keys"),
        (lambda: User(name="alice", uid=2001, gid=2001, keys=(KEY + "\n" + KEY,)), "alice.keys"),
        (lambda: UsersFile(users=(User(name="a", uid=2001, gid=2001), User(name="b", uid=2001, gid=2002)), home="/fsx"),
         "users.uid: got 2001, but two users have it"),
        (lambda: UsersFile(users=(User(name="a", uid=2001, gid=2001), User(name="b", uid=2002, gid=2001)), home="/fsx"),
         "users.gid: got 2001, but two users have it"),
        (lambda: User(name="slurm", uid=2001, gid=2001), "users.name: got 'slurm', but images have a user or a group"),
        (lambda: User(name="docker", uid=2001, gid=2001), "users.name: got 'docker'"),
        (lambda: User(name="root", uid=2001, gid=2001), "users.name: got 'root'"),
        (lambda: User(name="a;b", uid=2001, gid=2001), "users.name: got 'a;b'"),
        (lambda: User(name="alice\n", uid=2001, gid=2001), "users.name"),
        (lambda: User(name="alice", uid=2001, gid=2001, keys=(KEY + " a\x1fb",)), "alice.keys"),
        (lambda: User(name="alice", uid=2001, gid=2001, keys=(KEY + " laptop\r",)), "alice.keys"),
        (lambda: Slurm(daemons="started-after", logins="anyone", accounts=(Account(name="a", members=()),)),
         "nobody answers sacctmgr"),
        (lambda: Account(name="a", members=(), share=0), "share: got 0"),
        (lambda: Scratch(path="/opt/sagemaker", minimum_gib=0), "minimum_gib: got 0"),
        (lambda: MountedByLifecycle(path="/fsx", dns_name="fs-1.fsx.eu-west-1.amazonaws.com", mount_name="/abc"),
         "mounts.mount_name"),
        (lambda: MountedByHyperPod(path="/my fs"), "mounts.path"),
        (lambda: NodeGroup(name="g", node_type="login", hosts=()), "groups.g.hosts"),
        (lambda: ExporterImage(name="node", image="123.dkr.ecr.eu-west-1.amazonaws.com/node:v1"), "…@sha256:…"),
        (lambda: ExporterImage(name="node", image="docker.io/prom/node-exporter" + DIGEST), "exporters.node.image"),
        (lambda: AgentImage(parameters="/agents", image="prom/prometheus:v3"), "agent.image"),
        (lambda: AgentBinary(parameters="agents", path="/p"), "agent.parameters"),
        (lambda: ExporterBinary(name="node", path="node_exporter"), "exporters.node.path"),
        (lambda: ExporterBinary(name="node", path="/n", arguments=("--a %h",)), "exporters.node.arguments"),
    ],
)  # fmt: skip
def test_values_that_a_node_could_not_use(build, message):
    with pytest.raises(ContractError) as refused:
        build()
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"uri": "ldap://ldap.example.com"}, "users.uri"),
        ({"groups": ()}, "users.groups"),
        ({"groups": ("a\nb",)}, "users.groups"),
        ({"admins": "Domain Admins"}, "users.admins"),
        ({"bind_name": "cn=a\nldap_tls_reqcert = never"}, "users.bind_name"),
        ({"secret": "a b"}, "users.secret"),
        ({"authority": "/etc/ssl/ca.pem"}, "users.authority"),
    ],
)
def test_a_directory_that_would_not_be_safe(change, field):
    with pytest.raises(ContractError) as refused:
        dataclasses.replace(DIRECTORY, **change)
    assert refused.value.field == field


def test_users_of_a_file_that_windows_has_written():
    assert users_of("[alice]\r\nuid = 2001\r\ngid = 2001\r\n") == (User(name="alice", uid=2001, gid=2001),)


def test_ten_thousand_users():
    everyone = tuple(User(name=f"u{number}", uid=number, gid=number) for number in range(2000, 12000))
    assert len(UsersFile(users=everyone, home="/fsx/home").users) == 10_000


def test_users_of_a_file():
    text = f'[alice]\nuid = 2001\ngid = 2001\nkeys = ["{KEY}"]\nadmin = true\n[bob]\nuid = 2002\ngid = 2002\n'
    assert users_of(text) == (User(name="alice", uid=2001, gid=2001, keys=(KEY,), admin=True),
                              User(name="bob", uid=2002, gid=2002))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[alice", "^users: .*TOML"),
        ("alice = 1", "^alice: .*a user is a table"),
        ("[alice]\nuid = 2001", "^alice: gid: .*requires it"),
        ("[alice]\nuid = 2001\ngid = 2001\nshell = 'zsh'", "^alice: shell: .*no such field"),
        ("[alice]\nuid = '2001'\ngid = 2001", "^alice: uid: .*type int"),
        ("[alice]\nname = 'root'\nuid = 2001\ngid = 2001", "^alice: name: .*a table's name is the user's"),
        ("[alice]\nuid = 2001\ngid = 2001\n[alice]\nuid = 2002\ngid = 2002", "^users: .*TOML"),
    ],
)
def test_a_file_of_users_with_a_mistake(text, message):
    with pytest.raises(ContractError, match=message):
        users_of(text)


def test_a_mount_has_the_unit_that_systemd_expects():
    assert unit_name("/fsx/shared_data") == "fsx-shared_data.mount"


def test_logs_are_where_hyperpod_puts_them():
    assert log_group("research", "abc123") == "/aws/sagemaker/Clusters/research/abc123"
    assert log_stream("workers", "i-0123456789abcdef0") == "LifecycleConfig/workers/i-0123456789abcdef0"


def test_the_sample_has_everything():
    assert {step.name for step in STEPS} - set(steps("compute")) - set(steps("controller")) == {"join-directory"}
    assert cluster_documents.resources().cluster_id == "abcdef012345"
