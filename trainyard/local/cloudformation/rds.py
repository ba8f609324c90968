"""Databases: their groups of subnets and parameters, and DB instances, which run."""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import CallError, call
from trainyard.local.cloudformation.resource import (
    ALL,
    TAGS,
    Properties,
    Request,
    Resource,
    retag_by_arn,
    tag_list,
    unless_gone,
)

_CHANGING = (
    "AllocatedStorage", "AutoMinorVersionUpgrade", "BackupRetentionPeriod", "CopyTagsToSnapshot", "DBInstanceClass",
    "DBParameterGroupName", "DeletionProtection", "EngineVersion", "MasterUserPassword", "MultiAZ",
    "PubliclyAccessible", "StorageType",
)  # fmt: skip
_MADE_WITH = ("DBName", "DBSubnetGroupName", "Engine", "KmsKeyId", "MasterUsername", "Port", "StorageEncrypted")
_DEFAULTS = {"AutoMinorVersionUpgrade": True, "BackupRetentionPeriod": 1, "CopyTagsToSnapshot": False,
             "DeletionProtection": False, "MultiAZ": False, "PubliclyAccessible": False}  # fmt: skip
_READY_SECONDS, _POLL_SECONDS = 120.0, 0.05


_retag = partial(
    retag_by_arn, service="rds", on="AddTagsToResource", off="RemoveTagsFromResource", field="ResourceName"
)
"""Brings the tags of a resource, by its ARN, from old to new properties."""


class SubnetGroup(Resource):
    type = "AWS::RDS::DBSubnetGroup"
    custom_name = "DBSubnetGroupName"
    applied: ClassVar[Mapping[str, Any]] = {
        "DBSubnetGroupDescription": ALL, "DBSubnetGroupName": ALL, "SubnetIds": ALL, "Tags": TAGS,
    }  # fmt: skip

    def make(self, request: Request) -> str:
        name = request.name("DBSubnetGroupName", limit=255, lowercase=True)
        call("rds", "CreateDBSubnetGroup", DBSubnetGroupName=name, **self._content(request.properties))
        return name

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if old and self._content(old) != self._content(new):
            call("rds", "ModifyDBSubnetGroup", DBSubnetGroupName=identity, **self._content(new))
        _retag(self._arn(identity), old, new)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"DBSubnetGroupArn": self._arn(identity)}

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(("DBSubnetGroupNotFoundFault",), "rds", "DeleteDBSubnetGroup", DBSubnetGroupName=identity)

    @staticmethod
    def _content(properties: Properties) -> dict[str, Any]:
        return {name: properties[name] for name in ("DBSubnetGroupDescription", "SubnetIds")}

    @staticmethod
    def _arn(identity: str) -> str:
        found = call("rds", "DescribeDBSubnetGroups", DBSubnetGroupName=identity)["DBSubnetGroups"][0]
        return str(found["DBSubnetGroupArn"])


class ParameterGroup(Resource):
    type = "AWS::RDS::DBParameterGroup"
    custom_name = "DBParameterGroupName"
    applied: ClassVar[Mapping[str, Any]] = {
        "DBParameterGroupName": ALL, "Description": ALL, "Family": ALL, "Parameters": ALL, "Tags": TAGS,
    }  # fmt: skip

    def make(self, request: Request) -> str:
        name = request.name("DBParameterGroupName", limit=255, lowercase=True)
        given = request.properties
        if not str(given["Family"]).startswith("mariadb"):
            raise CallError(f"Family: got {given['Family']!r}, but MariaDB alone runs here. Take one of its.", "Family")
        call("rds", "CreateDBParameterGroup", DBParameterGroupName=name, DBParameterGroupFamily=given["Family"],
             Description=given["Description"])  # fmt: skip
        return name

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        before, after = _parameters(old), _parameters(new)
        for name, value in after.items():
            if "{" in value:
                raise CallError(f"Parameters.{name}: got {value!r}, but formulas of RDS are not computed here. Give a "
                                "number.", "Parameters")  # fmt: skip
            if before.get(name) != value:
                self._set(identity, name, value)
        gone = [{"ParameterName": name, "ApplyMethod": "immediate"} for name in sorted(set(before) - set(after))]
        if gone:
            call("rds", "ResetDBParameterGroup", DBParameterGroupName=identity, Parameters=gone)
        _retag(self._arn(identity), old, new)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"DBParameterGroupArn": self._arn(identity), "DBParameterGroupName": identity}

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(("DBParameterGroupNotFound",), "rds", "DeleteDBParameterGroup", DBParameterGroupName=identity)

    @staticmethod
    def _set(identity: str, name: str, value: str) -> None:
        def change(method: str) -> None:
            row = {"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}
            call("rds", "ModifyDBParameterGroup", DBParameterGroupName=identity, Parameters=[row])

        try:
            change("immediate")
        except CallError as error:
            if error.code != "InvalidParameterCombination":
                raise
            change("pending-reboot")

    @staticmethod
    def _arn(identity: str) -> str:
        found = call("rds", "DescribeDBParameterGroups", DBParameterGroupName=identity)["DBParameterGroups"][0]
        return str(found["DBParameterGroupArn"])


class Instance(Resource):
    type = "AWS::RDS::DBInstance"
    custom_name = "DBInstanceIdentifier"
    slow = True
    applied: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys((*_CHANGING, *_MADE_WITH, "DBInstanceIdentifier", "VPCSecurityGroups"), ALL), "Tags": TAGS,
    }  # fmt: skip

    def make(self, request: Request) -> str:
        given, labels = request.properties, tag_list(request.properties)
        name = request.name("DBInstanceIdentifier", limit=63, lowercase=True)
        call(
            "rds",
            "CreateDBInstance",
            DBInstanceIdentifier=name,
            VpcSecurityGroupIds=given.get("VPCSecurityGroups"),
            **{field: given[field] for field in (*_CHANGING, *_MADE_WITH) if field in given},
            **({"Tags": labels} if labels else {}),
        )
        return name

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if old:
            self._change(identity, old, new)
            _retag(self._describe(identity)["DBInstanceArn"], old, new)
        self._await(identity)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        found = self._describe(identity)
        return {
            "Endpoint.Address": found["Endpoint"]["Address"],
            "Endpoint.Port": str(found["Endpoint"]["Port"]),
            "DbiResourceId": found["DbiResourceId"],
            "DBInstanceArn": found["DBInstanceArn"],
        }

    def remove(self, identity: str, properties: Properties) -> None:
        unless_gone(("DBInstanceNotFound",), "rds", "DeleteDBInstance", DBInstanceIdentifier=identity,
                    SkipFinalSnapshot=True)  # fmt: skip

    @staticmethod
    def _change(identity: str, old: Properties, new: Properties) -> None:
        for name in ("Engine", "Port"):
            if old.get(name) != new.get(name):
                raise CallError(f"{name}: it cannot change here. Make another DB instance.", "Unsupported")
        changed = {name: new.get(name, _DEFAULTS.get(name)) for name in _CHANGING if old.get(name) != new.get(name)}
        if old.get("VPCSecurityGroups") != new.get("VPCSecurityGroups"):
            changed["VpcSecurityGroupIds"] = new.get("VPCSecurityGroups")
        if changed:
            call("rds", "ModifyDBInstance", DBInstanceIdentifier=identity, ApplyImmediately=True, **changed)

    def _await(self, identity: str) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while (status := self._describe(identity)["DBInstanceStatus"]) != "available":
            if status == "failed" or time.monotonic() > deadline:
                rows = call("rds", "DescribeEvents", SourceIdentifier=identity, SourceType="db-instance")["Events"]
                said = rows[-1]["Message"] if rows else f"it is {status} for {_READY_SECONDS:.0f} s"
                raise CallError(said, "DatabaseFailed")
            time.sleep(_POLL_SECONDS)

    @staticmethod
    def _describe(identity: str) -> dict[str, Any]:
        found: dict[str, Any] = call("rds", "DescribeDBInstances", DBInstanceIdentifier=identity)["DBInstances"][0]
        return found


def _parameters(properties: Properties) -> dict[str, str]:
    given = properties.get("Parameters") or {}
    return {str(name): str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}


TYPES: tuple[type[Resource], ...] = (SubnetGroup, ParameterGroup, Instance)
