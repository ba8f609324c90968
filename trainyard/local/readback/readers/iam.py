"""Readers of roles and policies."""

from typing import Any

from botocore.exceptions import ClientError

from trainyard.local.readback.readers.base import Deployed, Reader, document, missing, tags

_ENTITIES = {"Groups": "group", "Roles": "role", "Users": "user"}


def _pages(deployed: Deployed, operation: str, key: str, **parameters: Any) -> list[Any]:
    pages = deployed.clients.client("iam").get_paginator(operation).paginate(**parameters)
    return [row for page in pages for row in page[key]]


def _role(deployed: Deployed) -> dict[str, Any]:
    name = deployed.physical_id
    role = deployed.call("iam", "get_role", RoleName=name)["Role"]
    attached = _pages(deployed, "list_attached_role_policies", "AttachedPolicies", RoleName=name)
    # Managed policies of the same stacks attach themselves to the role: they are theirs, not the role's property.
    theirs = {
        row["PolicyArn"]
        for row in attached
        if row["PolicyArn"] not in deployed.properties.get("ManagedPolicyArns", [])
        and any(kind == "AWS::IAM::ManagedPolicy" and name in p.get("Roles", []) for kind, p in deployed.others)
    }
    found = {
        "AssumeRolePolicyDocument": document(role["AssumeRolePolicyDocument"]),
        "Description": role.get("Description", ""),
        "ManagedPolicyArns": [row["PolicyArn"] for row in attached if row["PolicyArn"] not in theirs],
        "MaxSessionDuration": role["MaxSessionDuration"],
        "Path": role["Path"],
        "Policies": _inline(deployed, name),
        "RoleName": name,
        "Tags": tags(role.get("Tags")),
    }
    boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return {**found, "PermissionsBoundary": boundary} if boundary else found


def _inline(deployed: Deployed, role: str) -> list[dict[str, Any]]:
    """A role's inline policies without those that AWS::IAM::Policy resources put there."""
    theirs = {
        properties["PolicyName"]
        for kind, properties in deployed.others
        if kind == "AWS::IAM::Policy" and role in properties.get("Roles", [])
    }
    rows = []
    for name in _pages(deployed, "list_role_policies", "PolicyNames", RoleName=role):
        if name not in theirs:
            text = deployed.call("iam", "get_role_policy", RoleName=role, PolicyName=name)["PolicyDocument"]
            rows.append({"PolicyName": name, "PolicyDocument": document(text)})
    return rows


def _role_attribute(deployed: Deployed, name: str) -> Any:
    role = deployed.call("iam", "get_role", RoleName=deployed.physical_id)["Role"]
    return {"Arn": role["Arn"], "RoleId": role["RoleId"]}.get(name)


def _policy(deployed: Deployed) -> dict[str, Any]:
    name = deployed.properties["PolicyName"]
    found: dict[str, Any] = {}
    for kind, word in _ENTITIES.items():
        holders = []
        for entity in deployed.properties.get(kind, []):
            try:
                named = {f"{word.title()}Name": entity, "PolicyName": name}
                text = deployed.call("iam", f"get_{word}_policy", **named)["PolicyDocument"]
            except ClientError as error:
                if not missing(error, "NoSuchEntity"):
                    raise
                continue
            holders.append(entity)
            found["PolicyName"] = name
            # One document for all of its holders: the first that says something else is shown.
            found.setdefault("PolicyDocument", document(text))
            if document(text) != found["PolicyDocument"]:
                found["PolicyDocument"] = document(text)
        if holders:
            found[kind] = holders
    return found


def _managed_policy(deployed: Deployed) -> dict[str, Any]:
    arn = deployed.physical_id
    policy = deployed.call("iam", "get_policy", PolicyArn=arn)["Policy"]
    version = deployed.call("iam", "get_policy_version", PolicyArn=arn, VersionId=policy["DefaultVersionId"])
    entities = deployed.call("iam", "list_entities_for_policy", PolicyArn=arn)
    found = {
        "Description": policy.get("Description", ""),
        "Groups": [row["GroupName"] for row in entities["PolicyGroups"]],
        "ManagedPolicyName": policy["PolicyName"],
        "Path": policy["Path"],
        "PolicyDocument": document(version["PolicyVersion"]["Document"]),
        "Roles": [row["RoleName"] for row in entities["PolicyRoles"]],
        "Users": [row["UserName"] for row in entities["PolicyUsers"]],
    }
    # A role may hold the policy because the role says so: then it is not the policy's property.
    for kind in _ENTITIES:
        if kind not in deployed.properties:
            found.pop(kind)
    return found


READERS = {
    "AWS::IAM::Role": Reader(
        read=_role,
        attribute=_role_attribute,
        defaults={
            "Description": "",
            "ManagedPolicyArns": [],
            "MaxSessionDuration": 3600,
            "Path": "/",
            "Policies": [],
        },
        chosen=frozenset({"RoleName"}),
    ),
    "AWS::IAM::Policy": Reader(
        read=_policy, attribute=lambda deployed, name: deployed.physical_id if name == "Id" else None
    ),
    "AWS::IAM::ManagedPolicy": Reader(
        read=_managed_policy,
        attribute=lambda deployed, name: deployed.physical_id if name == "PolicyArn" else None,
        defaults={"Description": "", "Path": "/"},
        chosen=frozenset({"ManagedPolicyName"}),
    ),
}
