"""The accounting database of a cluster, as HyperPod's agent comes to it from the controller.

Sources, read 2026-11-22: ClusterAccountingDatabase (SageMaker API Reference) for the defaults and that the database
must be reachable from the cluster's subnets and security groups; "Using an external accounting database" (SageMaker AI
Developer Guide): continuous provisioning, and no way back. AWS does not say whose role reads the secret; the
controller's is the one that can. Nor which keys the secret has: those that RDS gives its own, username and password.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from trainyard.local.api.errors import invalid
from trainyard.local.api.service import Context, Platform
from trainyard.local.clusters.bridge import Bridge
from trainyard.local.clusters.machines import MachineError
from trainyard.local.clusters.slurm_accounting import Storage
from trainyard.local.databases import Database
from trainyard.local.databases.door import Door

DEFAULT_PORT = 3306
_SESSION = "SageMaker"


def wanted(cluster: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """``AccountingDatabase`` of a cluster's settings; None where it has none."""
    slurm = (cluster["Settings"].get("Orchestrator") or {}).get("Slurm") or {}
    found: Mapping[str, Any] | None = slurm.get("AccountingDatabase")
    return found


def check(settings: Mapping[str, Any], platform: Platform) -> None:
    """Refuses a database that cannot be this cluster's.

    Raises:
        ServiceError: ValidationException naming the field.
    """
    found = wanted({"Settings": settings})
    if found is None:
        return
    field = "Orchestrator.Slurm.AccountingDatabase"
    if settings.get("NodeProvisioningMode") != "Continuous":
        raise invalid(f"{field}: given, but it stands on NodeProvisioningMode Continuous. Set it, or leave this out.")
    if not platform.exists("database", found["Endpoint"]):
        raise invalid(
            f"{field}.Endpoint: got {found['Endpoint']!r}, but no DB instance of this cloud has that endpoint. Name "
            "one of them."
        )
    if not platform.exists("secret", found["SecretArn"]):
        raise invalid(f"{field}.SecretArn: got {found['SecretArn']!r}, but there is no such secret. Create it first.")


def check_change(request: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Refuses an update that would give a cluster another database than it has: none takes its history along.

    Raises:
        ServiceError: ValidationException naming the field.
    """
    if "Orchestrator" in request and wanted({"Settings": request}) != wanted({"Settings": settings}):
        raise invalid(
            "Orchestrator.Slurm.AccountingDatabase: got another than the cluster has, but here it cannot change. Give "
            "the same, or create another cluster."
        )


class Accounting:
    """The way of one cluster to its database."""

    def __init__(self, context: Context, cluster: Mapping[str, Any], bridge: Bridge) -> None:
        """Opens nothing.

        Args:
            context: what the families share.
            cluster: the cluster's document, with an accounting database.
            bridge: the cluster's network.
        """
        self._context, self._bridge = context, bridge
        found = wanted(cluster)
        assert found is not None
        self._wanted, self._cluster = found, cluster
        self._lock = threading.Lock()
        self._door: Door | None = None

    def storage(self, role: str) -> Storage:
        """What slurmdbd shall connect to, with a way there.

        Args:
            role: ARN of the controller's role.

        Raises:
            MachineError: the role may not read the secret, the secret has no user and password, or the database is
                not within reach.
        """
        user, password = self._credentials(role)
        self._open()
        name = self._wanted.get("Name") or f"slurm_acct_db_{self._cluster['ClusterId']}"
        try:
            return Storage(host=self._wanted["Endpoint"], port=self._wanted.get("Port", DEFAULT_PORT), schema=name,
                           user=user, password=password)  # fmt: skip
        except ValueError as error:
            raise MachineError(str(error)) from error

    def close(self) -> None:
        """Shuts the way."""
        with self._lock:
            door, self._door = self._door, None
        if door is not None:
            door.close()

    def _credentials(self, role: str) -> tuple[str, str]:
        arn = self._wanted["SecretArn"]
        client = self._context.platform.role_client("secretsmanager", role, _SESSION)
        try:
            text = client.get_secret_value(SecretId=arn)["SecretString"]
        except ClientError as error:
            raise MachineError(f"the secret of the accounting database cannot be read: {error}") from error
        try:
            content = json.loads(text)
            return str(content["username"]), str(content["password"])
        except (ValueError, KeyError, TypeError):
            raise MachineError(f"{arn}: it is no JSON object with username and password") from None

    def _open(self) -> None:
        with self._lock:
            if self._door is not None:
                return
            database = self._context.databases(self._wanted["Endpoint"])
            if database is None:
                raise MachineError(f"{self._wanted['Endpoint']}: no DB instance has this endpoint any more")
            self._check_reach(database)
            try:
                self._door = Door(self._bridge, database)
            except (OSError, ValueError) as error:
                raise MachineError(f"{database.host} is not within reach: {error}") from error

    def _check_reach(self, database: Database) -> None:
        """Whether a rule lets the controller in, and the port is the one that is listened on."""
        port = self._wanted.get("Port", DEFAULT_PORT)
        if port != database.port:
            raise MachineError(f"{database.host}:{port} does not answer: the database listens on {database.port}")
        rules = self._context.platform.client("ec2").describe_security_groups(GroupIds=list(database.groups))
        allowed = [rule for group in rules["SecurityGroups"] for rule in group["IpPermissions"]]
        groups = self._groups()
        if not any(_lets_in(rule, port, groups) for rule in allowed):
            raise MachineError(
                f"{database.host}:{port} does not answer: no rule of {', '.join(database.groups)} lets the "
                f"controller's groups ({', '.join(groups) or 'none'}) in"
            )

    def _groups(self) -> Sequence[str]:
        settings = self._cluster["Settings"]
        for group in self._cluster["Groups"]:
            spec = group["Spec"]
            if spec.get("SlurmConfig", {}).get("NodeType") == "Controller":
                network = spec.get("OverrideVpcConfig") or settings.get("VpcConfig") or {}
                return list(network.get("SecurityGroupIds", ()))
        return []


def _lets_in(rule: Mapping[str, Any], port: int, groups: Sequence[str]) -> bool:
    every = str(rule["IpProtocol"]) == "-1"
    fits = every or (rule["IpProtocol"] == "tcp" and rule["FromPort"] <= port <= rule["ToPort"])
    return fits and any(pair["GroupId"] in groups for pair in rule.get("UserIdGroupPairs", []))
