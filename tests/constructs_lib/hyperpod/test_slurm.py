"""What Slurm can be asked to run."""

import json
from typing import Any

import pytest
from hyperpod_values import controller, group, login, pods, settings, slurm

from constructs_lib.hyperpod import (
    AccountingDatabase,
    ByApi,
    ByFile,
    FirstAvailable,
    InstanceGroup,
    Instances,
    Mount,
    NodeScripts,
    Rolling,
    Scheduled,
    Spot,
    TieredCheckpoints,
)
from ml_contract.clusters.people import UsersFile
from ml_contract.clusters.software import Containers

DATABASE = AccountingDatabase(instance_class="m6g.large", storage_gib=20, backup_days=7, standby=True)
OLD = {"provisioning": "AllOrNothing"}


def refused(match: str):
    return pytest.raises(ValueError, match=match)


@pytest.mark.parametrize(
    ("groups", "match"),
    [
        ((group(),), "a cluster has one group with duty=Controller"),
        ((controller(), controller("second"), group()), "a cluster has one group with duty=Controller"),
        ((controller(count=2), group()), r"groups\.controller\.count: got 2, but there is one controller"),
        ((controller(count=0), group()), r"groups\.controller\.count: got 0"),
        (
            (controller(hosts=FirstAvailable(instance_types=("ml.m5.xlarge", "ml.m5.large"))), group()),
            r"groups\.controller\.hosts: got .*the controller's type is known",
        ),
        ((controller(), login(), login("second"), group()), "at most one group has duty=Login"),
        ((controller(), login()), "nothing would run a job"),
        ((pods(),), r"groups\.pods\.duty: got 'KubernetesNode', but the orchestrator is Slurm"),
    ],
)
def test_duties(groups: tuple[InstanceGroup, ...], match: str) -> None:
    with refused(match):
        slurm().check(settings(*groups))


@pytest.mark.parametrize(
    ("of_slurm", "of_cluster", "match"),
    [
        ({}, {"tiered": TieredCheckpoints(memory_percent=50)}, "checkpoints in memory are EKS's"),
        ({"accounting": DATABASE, "configuration": ByApi(strategy="Merge")}, OLD,
         "an accounting database stands on continuous provisioning"),
        ({"configuration": ByApi(strategy="Merge")}, {}, "with continuous provisioning slurm.conf is always merged"),
        ({"configuration": ByApi(strategy=None)}, OLD, "HyperPod would take Managed"),
        ({"configuration": ByFile(), "scripts": NodeScripts(event="OnCreate", logins="anyone")}, {},
         "continuous provisioning does not read the file"),
        ({"configuration": ByFile()}, OLD, "scripts.event: got 'OnInitComplete'"),
    ],
)  # fmt: skip
def test_settings(of_slurm: dict[str, Any], of_cluster: dict[str, Any], match: str) -> None:
    with refused(match):
        slurm(**of_slurm).check(settings(**of_cluster))


def test_spot_is_for_eks() -> None:
    with refused(r"groups\.workers\.capacity: got 'Spot', but HyperPod has spot instances on EKS alone"):
        slurm().check(settings(controller(), group(capacity=Spot())))


def test_batches_are_for_eks() -> None:
    batches = Rolling(batch=Instances(count=1), wait_seconds=60)
    workers = group(patching=Scheduled(cron="cron(0 3 ? * SUN *)", rolling=batches))
    with refused("HyperPod updates in batches on EKS alone"):
        slurm().check(settings(controller(), workers))


def test_an_update_at_once_is_taken() -> None:
    slurm().check(settings(controller(), group(patching=Scheduled(cron="cron(0 3 ? * SUN *)"))))


def test_homes_are_the_same_everywhere() -> None:
    with refused(r"groups\.workers\.mounts: got \['/fsx'\], but homes and caches are the same on every node"):
        slurm().check(settings(controller(), group(mounts=(Mount(file_system="shared", path="/fsx"),))))


def test_scripts_are_held_against_the_cluster() -> None:
    scripts = NodeScripts(event="OnCreate", logins="anyone", users=UsersFile(users=(), home="/fsx/home"))
    with refused(r"users\.home: got '/fsx/home', but it is on no shared file system"):
        slurm(scripts=scripts).check(settings())


def test_containers_need_a_disk_of_their_own() -> None:
    scripts = NodeScripts(event="OnCreate", logins="anyone", containers=Containers())
    with refused("containers: got 'without scratch'"):
        slurm(scripts=scripts).check(settings())


def test_the_older_file_says_what_the_groups_say() -> None:
    found = settings(controller(), login(), group(), group("more"), **OLD)
    document = json.loads(ByFile().files(found)["provisioning_parameters.json"])
    assert document == {
        "version": "1.0.0",
        "workload_manager": "slurm",
        "controller_group": "controller",
        "login_group": "login",
        "worker_groups": [
            {"instance_group_name": "workers", "partition_name": "train"},
            {"instance_group_name": "more", "partition_name": "train"},
        ],
    }


def test_the_older_file_mounts_nothing() -> None:
    mounts = (Mount(file_system="shared", path="/fsx"),)
    older = slurm(configuration=ByFile(), scripts=NodeScripts(event="OnCreate", logins="anyone"))
    with refused(r"groups\.controller\.mounts: got \['/fsx'\], but HyperPod mounts file systems of clusters that"):
        older.check(settings(controller(mounts=mounts), group(mounts=mounts), **OLD))


def test_with_the_older_file_the_api_is_not_told() -> None:
    assert ByFile().render_group(group()) == {}


@pytest.mark.parametrize(("event", "daemons"), [("OnCreate", "started-here"), ("OnInitComplete", "started-before")])
def test_scripts_know_who_starts_slurm(event: Any, daemons: str) -> None:
    document = NodeScripts(event=event, logins="anyone").document(settings(), {})
    assert document.slurm.daemons == daemons


def test_scripts_know_what_each_host_brings() -> None:
    document = NodeScripts(event="OnCreate", logins="anyone").document(
        settings(controller(), group(interface="efa")), {}
    )
    found = {
        one.name: (one.node_type, one.hosts[0].accelerators, one.hosts[0].efa_interfaces) for one in document.groups
    }
    assert found == {"controller": ("controller", 0, 0), "workers": ("compute", 8, 32)}
