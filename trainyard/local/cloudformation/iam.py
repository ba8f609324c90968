"""Roles, inline policies and managed policies."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import CallError, call
from trainyard.local.cloudformation.resource import (
    ALL,
    TAGS,
    Properties,
    Request,
    Resource,
    policy_text,
    tag_changes,
    tag_list,
    unless_gone,
)


def existing_policy(arn: object) -> str:
    """A managed policy that exists: a customer's, or one of AWS's own by its path.

    Raises:
        CallError: There is none.
    """
    try:
        call("iam", "GetPolicy", PolicyArn=arn)
    except CallError as error:
        if error.code == "NoSuchEntity" and str(arn).startswith("arn:aws:iam::aws:"):
            raise CallError(
                f"{arn}: the local cloud has no such policy of AWS's. Write one of your own.", error.code
            ) from error
        raise
    return str(arn)


def _difference(old: Iterable[Any], new: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """What to remove and what to add, in the template's order."""
    before, after = list(old), list(new)
    return [row for row in before if row not in after], [row for row in after if row not in before]


class Role(Resource):
    type = "AWS::IAM::Role"
    custom_name = "RoleName"
    applied: ClassVar[Mapping[str, Any]] = {
        "AssumeRolePolicyDocument": ALL,
        "Description": ALL,
        "ManagedPolicyArns": ALL,
        "MaxSessionDuration": ALL,
        "Path": ALL,
        "PermissionsBoundary": ALL,
        "Policies": {"PolicyDocument": ALL, "PolicyName": ALL},
        "RoleName": ALL,
        "Tags": TAGS,
    }

    def make(self, request: Request) -> str:
        given = request.properties
        name = request.name("RoleName", limit=64)
        call(
            "iam",
            "CreateRole",
            RoleName=name,
            Path=given.get("Path"),
            AssumeRolePolicyDocument=policy_text(given["AssumeRolePolicyDocument"]),
            Description=given.get("Description"),
            MaxSessionDuration=given.get("MaxSessionDuration"),
            Tags=tag_list(given) or None,
        )
        return name

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if old:
            trust = policy_text(new["AssumeRolePolicyDocument"])
            call("iam", "UpdateAssumeRolePolicy", RoleName=identity, PolicyDocument=trust)
            duration = new.get("MaxSessionDuration", 3600)
            note = new.get("Description", "")
            call("iam", "UpdateRole", RoleName=identity, Description=note, MaxSessionDuration=duration)
            add, remove = tag_changes(old, new)
            if remove:
                call("iam", "UntagRole", RoleName=identity, TagKeys=remove)
            if add:
                call("iam", "TagRole", RoleName=identity, Tags=add)
        self._boundary(identity, old, new)
        dropped, added = _difference(old.get("ManagedPolicyArns", []), new.get("ManagedPolicyArns", []))
        for arn in added:
            call("iam", "AttachRolePolicy", RoleName=identity, PolicyArn=existing_policy(arn))
        for arn in dropped:
            call("iam", "DetachRolePolicy", RoleName=identity, PolicyArn=arn)
        self._inline(identity, old, new)

    @staticmethod
    def _boundary(role: str, old: Properties, new: Properties) -> None:
        boundary = new.get("PermissionsBoundary")
        if boundary:
            call("iam", "PutRolePermissionsBoundary", RoleName=role, PermissionsBoundary=existing_policy(boundary))
        elif "PermissionsBoundary" in old:
            call("iam", "DeleteRolePermissionsBoundary", RoleName=role)

    @staticmethod
    def _inline(role: str, old: Properties, new: Properties) -> None:
        kept = {policy["PolicyName"] for policy in new.get("Policies", [])}
        for policy in new.get("Policies", []):
            text = policy_text(policy["PolicyDocument"])
            call("iam", "PutRolePolicy", RoleName=role, PolicyName=policy["PolicyName"], PolicyDocument=text)
        for policy in old.get("Policies", []):
            if policy["PolicyName"] not in kept:
                call("iam", "DeleteRolePolicy", RoleName=role, PolicyName=policy["PolicyName"])

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        role = call("iam", "GetRole", RoleName=identity)["Role"]
        return {"Arn": role["Arn"], "RoleId": role["RoleId"]}

    def remove(self, identity: str, properties: Properties) -> None:
        # DeleteRole wants an empty role; what came from elsewhere blocks it, as on AWS.
        for arn in properties.get("ManagedPolicyArns", []):
            unless_gone(["NoSuchEntity"], "iam", "DetachRolePolicy", RoleName=identity, PolicyArn=arn)
        for policy in properties.get("Policies", []):
            name = policy["PolicyName"]
            unless_gone(["NoSuchEntity"], "iam", "DeleteRolePolicy", RoleName=identity, PolicyName=name)
        unless_gone(["NoSuchEntity"], "iam", "DeleteRole", RoleName=identity)


_ENTITIES = {"Groups": "Group", "Roles": "Role", "Users": "User"}
"""Properties that name who gets a policy, and the word for each in IAM's operations."""


class Policy(Resource):
    type = "AWS::IAM::Policy"
    applied: ClassVar[Mapping[str, Any]] = {**dict.fromkeys(_ENTITIES, ALL), "PolicyDocument": ALL, "PolicyName": ALL}

    def make(self, request: Request) -> str:
        if not any(request.properties.get(kind) for kind in _ENTITIES):
            raise CallError("Roles, Users, Groups: the policy wants at least one of them", "MissingParameter")
        return str(request.properties["PolicyName"])

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        text = policy_text(new["PolicyDocument"])
        for kind, word in _ENTITIES.items():
            for entity in new.get(kind, []):
                put = {f"{word}Name": entity, "PolicyName": new["PolicyName"], "PolicyDocument": text}
                call("iam", f"Put{word}Policy", **put)
        kept = {(kind, entity, new["PolicyName"]) for kind in _ENTITIES for entity in new.get(kind, [])}
        for kind, word in _ENTITIES.items():
            for entity in old.get(kind, []):
                if (kind, entity, old["PolicyName"]) not in kept:
                    self._take(word, entity, old["PolicyName"])

    @staticmethod
    def _take(word: str, entity: str, policy: str) -> None:
        named = {f"{word}Name": entity, "PolicyName": policy}
        unless_gone(["NoSuchEntity"], "iam", f"Delete{word}Policy", **named)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"Id": identity}

    def remove(self, identity: str, properties: Properties) -> None:
        for kind, word in _ENTITIES.items():
            for entity in properties.get(kind, []):
                self._take(word, entity, properties["PolicyName"])


class ManagedPolicy(Resource):
    type = "AWS::IAM::ManagedPolicy"
    applied: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys(_ENTITIES, ALL),
        "Description": ALL,
        "ManagedPolicyName": ALL,
        "Path": ALL,
        "PolicyDocument": ALL,
    }

    def make(self, request: Request) -> str:
        given = request.properties
        made = call(
            "iam",
            "CreatePolicy",
            PolicyName=request.name("ManagedPolicyName", limit=128),
            Path=given.get("Path"),
            Description=given.get("Description"),
            PolicyDocument=policy_text(given["PolicyDocument"]),
        )
        return str(made["Policy"]["Arn"])

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if old and old["PolicyDocument"] != new["PolicyDocument"]:
            versions = call("iam", "ListPolicyVersions", PolicyArn=identity)["Versions"]
            spare = [row["VersionId"] for row in versions if not row["IsDefaultVersion"]]
            # IAM keeps five versions; CloudFormation keeps the current one.
            for version in spare:
                call("iam", "DeletePolicyVersion", PolicyArn=identity, VersionId=version)
            text = policy_text(new["PolicyDocument"])
            call("iam", "CreatePolicyVersion", PolicyArn=identity, PolicyDocument=text, SetAsDefault=True)
        for kind, word in _ENTITIES.items():
            dropped, added = _difference(old.get(kind, []), new.get(kind, []))
            for entity in added:
                call("iam", f"Attach{word}Policy", PolicyArn=identity, **{f"{word}Name": entity})
            for entity in dropped:
                self._detach(word, entity, identity)

    @staticmethod
    def _detach(word: str, entity: str, arn: str) -> None:
        named = {f"{word}Name": entity, "PolicyArn": arn}
        unless_gone(["NoSuchEntity"], "iam", f"Detach{word}Policy", **named)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        policy = call("iam", "GetPolicy", PolicyArn=identity)["Policy"]
        return {"PolicyArn": identity, "PolicyId": policy["PolicyId"], "DefaultVersionId": policy["DefaultVersionId"]}

    def remove(self, identity: str, properties: Properties) -> None:
        for kind, word in _ENTITIES.items():
            for entity in properties.get(kind, []):
                self._detach(word, entity, identity)
        try:
            versions = call("iam", "ListPolicyVersions", PolicyArn=identity)["Versions"]
        except CallError:
            return
        for row in versions:
            if not row["IsDefaultVersion"]:
                call("iam", "DeletePolicyVersion", PolicyArn=identity, VersionId=row["VersionId"])
        call("iam", "DeletePolicy", PolicyArn=identity)


TYPES = (Role, Policy, ManagedPolicy)
