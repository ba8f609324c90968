"""A cluster comes to its database with the controller's role, through a rule of the database's groups."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.trainyard.local.clusters.stand_in import CONTINUOUS, Cloud, slurm
from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Context
from trainyard.local.clusters.accounting import Accounting
from trainyard.local.clusters.bridge import Bridge
from trainyard.local.clusters.machines import MachineError
from trainyard.local.databases import Database

HOST, SECRET = "db.local", "arn:aws:secretsmanager:us-east-1:123456789012:secret:x"
NODES, ELSE = "sg-nodes", "sg-else"
WANTED = {"Endpoint": HOST, "Port": 3316, "Name": "jobs", "SecretArn": SECRET}
RULE = {"IpProtocol": "tcp", "FromPort": 3316, "ToPort": 3316, "UserIdGroupPairs": [{"GroupId": NODES}]}
TRIO = [slurm("head", "Controller", 1), slurm("workers", "Compute", 1)]


def request(**fields: Any) -> dict[str, Any]:
    return {"ClusterName": "c", "InstanceGroups": TRIO, "Orchestrator": {"Slurm": {"AccountingDatabase": WANTED}},
            **CONTINUOUS, **fields}  # fmt: skip


@pytest.mark.parametrize(
    ("missing", "fields", "said"),
    [
        (HOST, {}, "AccountingDatabase.Endpoint: got 'db.local', but no DB instance of this cloud"),
        (SECRET, {}, "AccountingDatabase.SecretArn: got 'arn:aws:secretsmanager"),
        ("", {"NodeProvisioningMode": None}, "it stands on NodeProvisioningMode Continuous"),
    ],
)
def test_a_database_that_cannot_be_the_clusters_is_refused(
    cloud: Cloud, missing: str, fields: dict[str, Any], said: str
) -> None:
    cloud.missing.add(missing)
    given = {name: value for name, value in request(**fields).items() if value is not None}
    with pytest.raises(ServiceError, match=said):
        cloud.call("CreateCluster", **given)


@pytest.mark.parametrize("after", [{}, {"AccountingDatabase": {**WANTED, "Name": "others"}}])
def test_a_cluster_keeps_its_database(cloud: Cloud, after: dict[str, Any]) -> None:
    cloud.call("CreateCluster", **request())
    cloud.settled("InService")
    error = cloud.refused("UpdateCluster", Orchestrator={"Slurm": after})
    assert "AccountingDatabase: got another than the cluster has" in error.message


def way(
    folder: Path, *, secret: str | ClientError = '{"username": "slurm", "password": "p"}', port: int = 3316,
    rules: tuple[Mapping[str, Any], ...] = (RULE,), address: str = "10.9.0.30",
) -> Accounting:  # fmt: skip
    """The way of a cluster in 10.9.0.0/24 whose controller is in the group NODES."""

    def get(SecretId: str) -> dict[str, str]:
        assert SecretId == SECRET
        if isinstance(secret, ClientError):
            raise secret
        return {"SecretString": secret}

    def describe(GroupIds: list[str]) -> dict[str, Any]:
        return {"SecurityGroups": [{"GroupId": name, "IpPermissions": list(rules)} for name in GroupIds]}

    platform = SimpleNamespace(
        role_client=lambda *_: SimpleNamespace(get_secret_value=get),
        client=lambda _: SimpleNamespace(describe_security_groups=describe),
    )
    database = Database(host=HOST, address=address, port=port, groups=("sg-db",), connect=lambda: None)
    context: Context = SimpleNamespace(platform=platform, databases=lambda _: database)
    bridge: Bridge = SimpleNamespace()
    settings = {**request(), "VpcConfig": {"SecurityGroupIds": [NODES], "Subnets": ["subnet-1"]}}
    cluster = {"ClusterId": "0123456789ab", "Settings": settings, "Groups": [{"Spec": spec} for spec in TRIO]}
    return Accounting(context, cluster, bridge)


DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, "GetSecretValue")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"secret": DENIED}, r"the secret .* cannot be read: .*AccessDeniedException.*not authorized"),
        ({"secret": "plain"}, "it is no JSON object with username and password"),
        ({"secret": json.dumps({"username": "slurm"})}, "it is no JSON object with username and password"),
        ({"port": 3306}, r"db\.local:3316 does not answer: the database listens on 3306"),
        ({"rules": ()}, r"no rule of sg-db lets the controller's groups \(sg-nodes\) in"),
        ({"rules": ({**RULE, "UserIdGroupPairs": [{"GroupId": ELSE}]},)}, "no rule of sg-db"),
        ({"rules": ({**RULE, "FromPort": 22, "ToPort": 22},)}, "no rule of sg-db"),
    ],
)
def test_a_controller_without_a_way_to_its_database_says_what_is_missing(
    tmp_path: Path, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(MachineError, match=said):
        way(tmp_path, **fields).storage("arn:aws:iam::123456789012:role/head")
