"""Inline policies and managed policies."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from trainyard.local.cloudformation.aws import CallError, call
from trainyard.local.cloudformation.resource import ALL, Properties, Request, Resource, policy_text, unless_gone

_ENTITIES = {"Groups": "Group", "Roles": "Role", "Users": "User"}
"""Properties that name who gets a policy, and the word for each in IAM's operations."""


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


def difference(old: Iterable[Any], new: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """What to remove and what to add, in the template's order."""
    before, after = list(old), list(new)
    return [row for row in before if row not in after], [row for row in after if row not in before]


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
            dropped, added = difference(old.get(kind, []), new.get(kind, []))
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


TYPES = (Policy, ManagedPolicy)
