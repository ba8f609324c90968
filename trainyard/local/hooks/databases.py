"""DB instances of RDS that run: each has a MariaDB of its own, where the emulator keeps a record alone.

Sources, read 2026-11-22: CreateDBInstance, ModifyDBInstance, ModifyDBParameterGroup and DescribeEvents, Amazon RDS API
Reference; "Working with parameter groups", Amazon RDS User Guide: a static parameter waits for a reboot.
"""

from __future__ import annotations

import contextvars
import functools
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.core import responses
from ministack.services import ec2, rds

from trainyard.local.databases import Database, DatabaseError, Databases
from trainyard.local.databases.instances import place
from trainyard.local.databases.settings import Settings
from trainyard.local.hooks.database_requests import refused_creation, refused_modification
from trainyard.local.hooks.replies import Reply

Operation = Callable[[Mapping[str, Any]], Reply]

_NOT_RUN = ("CreateDBCluster", "CreateDBInstanceReadReplica", "CreateDBSnapshot", "RestoreDBInstanceFromDBSnapshot")
"""What would leave a record without a server."""
_log = logging.getLogger(__name__)


class DatabaseInstances:
    """The life of DB instances."""

    def __init__(self, databases: Databases) -> None:
        """Composes it.

        Args:
            databases: the servers.
        """
        self._databases = databases
        self._lock = threading.Lock()

    def install(self) -> None:
        """Puts the hooks in their places."""
        # With a Docker on the machine the emulator would start a server of its own.
        rds._get_docker = lambda: None
        rds._apply_parameter_group_changes = self._change_parameters
        rds._rotate_instance_password = self._change_password
        rds._finish_instance_reboot = self._reboot
        actions = rds._ACTION_MAP
        for name in _NOT_RUN:
            actions[name] = functools.partial(_not_run, name)
        for name, hook in (
            ("CreateDBInstance", self._create), ("DeleteDBInstance", self._delete), ("ModifyDBInstance", self._modify),
            ("StartDBInstance", self._start), ("StopDBInstance", self._stop),
        ):  # fmt: skip
            actions[name] = functools.partial(hook, actions[name])

    def start(self) -> None:
        """Starts what an earlier run of the cloud had; returns when all run, as clusters need them."""
        found = [instance for _, instance in rds._instances.all_items() if instance["DBInstanceStatus"] != "stopped"]
        starting = [self._launch(instance, "starting") for instance in found if "_Address" in instance]
        for thread in starting:
            thread.join()

    def find(self, host: str) -> Database | None:
        """The database with an endpoint's name; None where no instance of this cloud has it."""
        for _, instance in rds._instances.all_items():
            if instance["Endpoint"]["Address"] == host and "_Address" in instance:
                return Database(
                    host=host,
                    address=instance["_Address"],
                    port=int(instance["Endpoint"]["Port"]),
                    groups=tuple(row["VpcSecurityGroupId"] for row in instance["VpcSecurityGroups"]),
                    connect=functools.partial(self._databases.connect, instance["DbiResourceId"]),
                )
        return None

    def _create(self, original: Operation, request: Mapping[str, Any]) -> Reply:
        refused = refused_creation(request)
        if refused or (obstacle := self._databases.obstacle()):
            return _error("InvalidParameterCombination", refused or f"no database can run here: {obstacle}")
        with self._lock:
            reply = original({**request, "Port": request.get("Port") or "3306"})
            if reply[0] != 200:
                return reply
            instance = rds._instances[rds._p(request, "DBInstanceIdentifier")]
            if not rds._p(request, "DBName"):
                instance["DBName"] = ""
            group = rds._subnet_groups[rds._p(request, "DBSubnetGroupName")]
            blocks = [ec2._subnets[row["SubnetIdentifier"]]["CidrBlock"] for row in group["Subnets"]]
            taken = {other.get("_Address") for _, other in rds._instances.all_items()}
            instance["_Address"] = place(blocks, taken)
        name, mark = instance["DBInstanceIdentifier"], instance["DbiResourceId"][-12:].lower()
        instance["Endpoint"]["Address"] = f"{name}.{mark}.{responses.get_region()}.rds.amazonaws.com"
        self._launch(instance, "creating")
        return _shown("CreateDBInstance", instance)

    def _delete(self, original: Operation, request: Mapping[str, Any]) -> Reply:
        instance = rds._resolve_instance(rds._p(request, "DBInstanceIdentifier"))
        reply = original(request)
        if reply[0] == 200:
            self._databases.discard(instance["DbiResourceId"])
        return reply

    def _modify(self, original: Operation, request: Mapping[str, Any]) -> Reply:
        if refused := refused_modification(request):
            return _error("InvalidParameterCombination", refused)
        reply = original(request)
        upgrade = rds._p(request, "AutoMinorVersionUpgrade")
        if reply[0] == 200 and upgrade:
            # The emulator knows it of new instances alone.
            rds._resolve_instance(rds._p(request, "DBInstanceIdentifier"))["AutoMinorVersionUpgrade"] = (
                upgrade == "true"
            )
        return reply

    def _start(self, original: Operation, request: Mapping[str, Any]) -> Reply:
        reply = original(request)
        if reply[0] == 200:
            self._launch(rds._resolve_instance(rds._p(request, "DBInstanceIdentifier")), "starting")
        return reply

    def _stop(self, original: Operation, request: Mapping[str, Any]) -> Reply:
        reply = original(request)
        if reply[0] == 200:
            self._databases.stop(rds._resolve_instance(rds._p(request, "DBInstanceIdentifier"))["DbiResourceId"])
        return reply

    def _launch(self, instance: dict[str, Any], status: str) -> threading.Thread:
        """Starts an instance's server on a thread of its own; the status says how it went."""
        instance["DBInstanceStatus"] = status

        def work() -> None:
            try:
                self._databases.start(instance["DbiResourceId"], _settings(instance))
            except Exception as error:
                if not isinstance(error, DatabaseError):
                    _log.exception("database %s", instance["DBInstanceIdentifier"])
                self._fail(instance, str(error))
            else:
                instance["DBInstanceStatus"] = "available"
            if rds._instances.get(instance["DBInstanceIdentifier"]) is not instance:
                # It was deleted while it started.
                self._databases.discard(instance["DbiResourceId"])

        thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), name="start a database")
        thread.start()
        return thread

    @staticmethod
    def _fail(instance: dict[str, Any], reason: str) -> None:
        instance["DBInstanceStatus"] = "failed"
        rds._events[str(uuid.uuid4())] = {
            "SourceIdentifier": instance["DBInstanceIdentifier"],
            "SourceType": "db-instance",
            "SourceArn": instance["DBInstanceArn"],
            "Message": f"The database did not start: {reason}",
            "Date": time.time(),
            "EventCategories": ["failure"],
        }

    def _change_parameters(
        self, group: str, changes: Iterable[tuple[str, str | None, str]], refuse_static: bool = True
    ) -> Reply | None:
        """Applies changes of a parameter group to the servers that run with it."""
        for _, instance in rds._instances.all_items():
            current = instance["DBParameterGroups"][0]
            server = self._databases.find(instance["DbiResourceId"])
            if current["DBParameterGroupName"] != group or server is None or not server.running:
                continue
            for name, value, method in changes:
                try:
                    applied = method == "immediate" and server.set(name, value)
                except DatabaseError as error:
                    return _error("InvalidParameterValue", f"{name}: got {value!r}, but {error}")
                if not applied and method == "immediate" and refuse_static:
                    return _error("InvalidParameterCombination",
                                  "cannot use immediate apply method for static parameter")  # fmt: skip
                if not applied:
                    current["ParameterApplyStatus"] = "pending-reboot"
        return None

    def _change_password(self, instance: Mapping[str, Any], _before: str, password: str) -> None:
        server = self._databases.find(instance["DbiResourceId"])
        if server is not None and server.running:
            server.change_password(instance["MasterUsername"], password)

    def _reboot(self, instance: dict[str, Any], _cluster: object) -> None:
        self._databases.stop(instance["DbiResourceId"])
        self._launch(instance, "rebooting").join()
        if instance["DBInstanceStatus"] == "available":
            instance["DBParameterGroups"][0]["ParameterApplyStatus"] = "in-sync"
            rds._record_reboot_event(instance)


def _settings(instance: Mapping[str, Any]) -> Settings:
    group = rds._param_groups.get(instance["DBParameterGroups"][0]["DBParameterGroupName"]) or {}
    return Settings(
        user=instance["MasterUsername"],
        password=instance["_MasterUserPassword"],
        schema=instance["DBName"],
        port=int(instance["Endpoint"]["Port"]),
        parameters={name: row["ParameterValue"] for name, row in group.get("Parameters", {}).items()},
        binary_log=int(instance["BackupRetentionPeriod"]) > 0,
    )


def _shown(operation: str, instance: Mapping[str, Any]) -> Reply:
    reply: Reply = rds._single_instance_response(f"{operation}Response", f"{operation}Result", instance)
    return reply


def _not_run(name: str, _request: Mapping[str, Any]) -> Reply:
    return _error("InvalidParameterCombination", f"{name}: the embedded cloud runs single DB instances alone")


def _error(code: str, message: str) -> Reply:
    reply: Reply = rds._error(code, message, 400)
    return reply
