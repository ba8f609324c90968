"""Where a cluster's instances go, and what it is given: rules without a synthesis."""

from types import SimpleNamespace
from typing import Any, cast

import aws_cdk as cdk
import pytest
from hyperpod_values import ZONE, controller, group, pods, settings

from constructs_lib.hyperpod import AccountingDatabase, Instances, Mount, Rolling, Scheduled, SharedLustre
from constructs_lib.hyperpod.attachments import check
from constructs_lib.hyperpod.places import admit, choose
from constructs_lib.network import Place
from ml_contract.errors import ContractError

OTHER_ZONE = "eu-west-1b"
LUSTRE = SharedLustre(dns_name="fs-01234567.fsx.eu-west-1.amazonaws.com", mount_name="fsx", efa_zone=ZONE)
MOUNTS = (Mount(file_system="shared", path="/fsx"),)


def refused(match: str):
    return pytest.raises(ContractError, match=match)


def place(name: str = "Slurm", zone: str = ZONE, room: int = 1000) -> Place:
    return Place(name=name, zone=zone, subnet=cast("Any", None), room=room, spare=0)


def network(*places: Place) -> Any:
    return SimpleNamespace(places=lambda zone=None: tuple(one for one in places if zone in (None, one.zone)))


def test_each_zone_gets_its_place() -> None:
    found = settings(pods(), pods("more", zone=OTHER_ZONE))
    here, there = place(), place("Other", OTHER_ZONE)
    assert choose(found, network(there, here), ()) == {ZONE: here, OTHER_ZONE: there}


def test_a_zone_without_a_subnet_is_refused() -> None:
    with refused("zone: got 'eu-west-1b', but there are subnets for nodes in eu-west-1a"):
        choose(settings(pods(zone=OTHER_ZONE)), network(place()), ())


def test_one_of_several_subnets_is_named() -> None:
    with refused(r"places: got \['Slurm', 'Eks'\], but several subnets are in eu-west-1a"):
        choose(settings(pods()), network(place(), place("Eks")), ())


def test_a_given_place_is_taken() -> None:
    mine = place("Eks")
    assert choose(settings(pods()), network(place(), mine), [mine]) == {ZONE: mine}


@pytest.mark.parametrize(
    ("fields", "needed"),
    # Two instances and their replacements: a card of P5 is an address, and EKS takes 49 more for pods.
    [({}, 2 * 2 * (32 + 49)), ({"interface": "efa-only"}, 2 * 2 * (1 + 49)), ({"count": 0}, 0)],
)
def test_counts_are_held_against_the_subnet(fields: dict[str, Any], needed: int) -> None:
    found = settings(pods(**fields))
    admit(found, {ZONE: place(room=needed)}, "Eks")
    if needed:
        with refused(f"groups.count: got 2, but 2 nodes, .* take {needed} addresses"):
            admit(found, {ZONE: place(room=needed - 1)}, "Eks")


def test_groups_share_their_zones_subnet() -> None:
    found = settings(controller(), group())
    admit(found, {ZONE: place(room=2 * (2 * 32 + 1))}, "Slurm")
    with refused("groups.count: got 3"):
        admit(found, {ZONE: place(room=2 * (2 * 32 + 1) - 1)}, "Slurm")


def test_a_file_system_is_given() -> None:
    with refused(r"groups\.workers\.mounts\.file_system: got 'shared', but the cluster is given none"):
        check(settings(controller(), group(mounts=MOUNTS)), {}, {})


def test_an_alarm_is_given() -> None:
    rolling = Rolling(batch=Instances(count=1), wait_seconds=0, alarms=("faulty",))
    found = settings(pods(patching=Scheduled(cron="cron(0 3 ? * SUN *)", rolling=rolling)))
    with refused(r"groups\.pods\.patching\.rolling\.alarms: got 'faulty', but the cluster is given slow"):
        check(found, {}, {"slow": object()})


def test_a_group_mounts_one_lustre() -> None:
    mounts = (*MOUNTS, Mount(file_system="other", path="/other"))
    with refused(r"groups\.workers\.mounts: got \['shared', 'other'\], but a group mounts one SharedLustre at most"):
        check(settings(controller(), group(mounts=mounts)), {"shared": LUSTRE, "other": LUSTRE}, {})


def test_efa_reaches_a_file_system_of_its_own_zone() -> None:
    workers = group(mounts=MOUNTS, interface="efa", zone=OTHER_ZONE)
    with refused("it is in eu-west-1a, and the group in eu-west-1b"):
        check(settings(controller(), workers), {"shared": LUSTRE}, {})


def test_without_efa_a_file_system_may_be_elsewhere() -> None:
    check(settings(controller(), group(mounts=MOUNTS, zone=OTHER_ZONE)), {"shared": LUSTRE}, {})


def test_a_database_needs_two_zones() -> None:
    one = SimpleNamespace(subnets=[SimpleNamespace(availability_zone=ZONE)])
    database = AccountingDatabase(instance_class="m6g.large", storage_gib=20, backup_days=7, standby=False)
    none = cast("Any", None)
    with refused("accounting: got .*a database of RDS needs subnets in two zones"):
        database.bind(none, network=cast("Any", one), clients=none, key=none, removal=cdk.RemovalPolicy.DESTROY)
