"""What requests for DB instances may say: what is applied, or kept as a record of what AWS would have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import rds

from trainyard.local.hooks import references

_RECORDED = ("AllocatedStorage", "AutoMinorVersionUpgrade", "BackupRetentionPeriod", "CopyTagsToSnapshot",
             "DBInstanceClass", "EngineVersion", "MultiAZ", "StorageType")  # fmt: skip
"""Of a machine, its standby and its backups: shown, with nothing behind it but the binary log of backups."""
_CHANGING = (*_RECORDED, "DBInstanceIdentifier", "DBParameterGroupName", "DeletionProtection", "MasterUserPassword",
             "PubliclyAccessible", "VpcSecurityGroupIds")  # fmt: skip
_KNOWN = (*_CHANGING, "DBName", "DBSubnetGroupName", "Engine", "KmsKeyId", "MasterUsername", "Port",
          "StorageEncrypted", "Tags")  # fmt: skip
_PROTOCOL = ("Action", "Version")


def refused_creation(request: Mapping[str, Any]) -> str:
    """Why there is no such DB instance here; empty where there can be."""
    given = {name: rds._p(request, name) for name in _KNOWN}
    rules = (
        (given["Engine"] == "mariadb", "Engine", "MariaDB alone runs here", "Take mariadb."),
        (given["MasterUsername"], "MasterUsername", "a master user has a name", "Give it."),
        (given["MasterUserPassword"], "MasterUserPassword", "a master user has a password", "Give it."),
        (given["DBSubnetGroupName"] in rds._subnet_groups, "DBSubnetGroupName", "there is no such subnet group",
         "Create it first."),
        (not given["KmsKeyId"] or references.exists("key", given["KmsKeyId"]), "KmsKeyId", "there is no such key",
         "Create it first."),
    )  # fmt: skip
    wrong = [_refusal(name, given[name], rule, way_out) for holds, name, rule, way_out in rules if not holds]
    return _unknown(request, _KNOWN) or "; ".join(wrong[:1]) or _public(request) or _groups(request)


def refused_modification(request: Mapping[str, Any]) -> str:
    """Why a DB instance does not become so; empty where it does."""
    return _unknown(request, (*_CHANGING, "ApplyImmediately")) or _public(request) or _groups(request)


def _unknown(request: Mapping[str, Any], known: tuple[str, ...]) -> str:
    for name in request:
        top = name.partition(".")[0]
        if top not in known and top not in _PROTOCOL:
            return f"{top}: the embedded cloud does not apply it. Leave it out."
    return ""


def _public(request: Mapping[str, Any]) -> str:
    if rds._p(request, "PubliclyAccessible") == "true":
        return _refusal("PubliclyAccessible", "true", "nodes of a cluster alone reach a database here", "Leave it out.")
    return ""


def _groups(request: Mapping[str, Any]) -> str:
    missing = [
        name for name in rds._parse_member_list(request, "VpcSecurityGroupIds")
        if not references.exists("security_group", name)
    ]  # fmt: skip
    return _refusal("VpcSecurityGroupIds", missing[0], "there is no such group", "Create it first.") if missing else ""


def _refusal(name: str, value: str, rule: str, way_out: str) -> str:
    shown = "a value" if name == "MasterUserPassword" else repr(value)
    return f"{name}: got {shown}, but {rule}. {way_out}"
