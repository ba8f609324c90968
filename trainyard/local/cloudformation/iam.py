"""Roles, with the policies in them."""

from collections.abc import Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import call
from trainyard.local.cloudformation.iam_policies import difference, existing_policy
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
        dropped, added = difference(old.get("ManagedPolicyArns", []), new.get("ManagedPolicyArns", []))
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


TYPES = (Role,)
