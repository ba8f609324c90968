"""Rules for what is granted to roles and people, and for who may take a role.

Sources, read 2026-11-22: "Security best practices in IAM"; "Grant a user permissions to pass a role to an AWS service";
"IAM JSON policy elements: NotAction"; "The confused deputy problem"; "Create a role for OpenID Connect federation"
(``aud`` and ``sub``), IAM User Guide; which action knows a resource:
Service Authorization Reference (reference.json).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from constructs_lib.guardrails.reference import Service, service
from constructs_lib.guardrails.review.findings import Allowed, Finding

_NARROWING = frozenset(
    {"aws:principalorgid", "aws:principalaccount", "aws:principalarn", "aws:sourceaccount", "aws:sourcearn",
     "aws:sourceorgid", "kms:calleraccount", "kms:viaservice", "sts:externalid"}
)  # fmt: skip
"""Keys that say who asks, or for whom."""
SOURCES = frozenset({"aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid"})
"""Keys that say for whom a service asks."""
_GRANTEES = frozenset({"kms:grantisforawsresource", "kms:viaservice", "kms:granteeprincipal"})
"""Keys that say who gets a grant of a key ("AWS KMS condition keys", AWS KMS Developer Guide, read 2026-11-22)."""
_BY_TOKEN = "sts:assumerolewithwebidentity"


def granted(found: Allowed) -> Iterator[Finding]:
    """What a statement of an identity's policy breaks."""
    if "NotAction" in found.statement:
        yield found.finding("EveryAction", "NotAction", "it allows all that it does not name, tomorrow's actions too",
                            "Name the actions.")  # fmt: skip
    for pattern in found.actions:
        prefix, _, name = pattern.lower().partition(":")
        if pattern == "*" or name == "*":
            yield found.finding("EveryAction", pattern, "it allows all there is, tomorrow's actions too",
                                "Name the actions.")  # fmt: skip
            continue
        known = service(prefix)
        if known is None:
            yield found.finding("UnknownService", pattern, "nothing is known of its actions",
                                "Add the service to SERVICES of extract_reference.py.")  # fmt: skip
            continue
        yield from _about(found, pattern, known)
    yield from _passing(found)
    yield from _granting(found)


def trusted(found: Allowed) -> Iterator[Finding]:
    """What a statement of a trust policy breaks."""
    yield from named(found, "may take the role")
    yield from for_anybody(found, "take the role")
    if not any(fnmatch.fnmatchcase(_BY_TOKEN, pattern.lower()) for pattern in found.actions):
        return
    exact = {key.lower() for key in found.statement.get("Condition", {}).get("StringEquals", {})}
    missing = [claim for claim in ("aud", "sub") if not any(key.endswith(f":{claim}") for key in exact)]
    for provider in found.principals("Federated") if missing else ():
        yield found.finding("AnyIdentity", f"{provider} without {' and '.join(missing)}",
                            "whoever else the provider knows may take the role",
                            "Ask for both by StringEquals, which knows no wildcard.")  # fmt: skip


def for_anybody(found: Allowed, does: str) -> Iterator[Finding]:
    """Services of a statement that nothing tells for whom they ask."""
    for principal in found.principals("Service"):
        if not found.keys & SOURCES:
            yield found.finding("AnySource", principal, f"the service may {does} for anybody's account",
                                "Ask for aws:SourceAccount or aws:SourceArn.")  # fmt: skip


def named(found: Allowed, does: str) -> Iterator[Finding]:
    """Principals of a statement who are not of the account, and whom no condition narrows."""
    if found.keys & _NARROWING:
        return
    for principal in found.principals("AWS"):
        if principal == "*":
            yield found.finding("Everybody", "*", f"anybody in any account {does}",
                                "Name principals, or ask for aws:PrincipalAccount or aws:PrincipalOrgID.")  # fmt: skip
        elif not _own(principal, found.account):
            yield found.finding("ForeignAccount", principal, f"another account {does}",
                                "Ask for sts:ExternalId, aws:PrincipalOrgID or aws:PrincipalArn.")  # fmt: skip


def _own(principal: str, account: str) -> bool:
    if principal == account or principal.startswith("${"):
        return True
    parts = principal.split(":")
    return len(parts) > 4 and (parts[4] == account or parts[4].startswith("${"))


def _about(found: Allowed, pattern: str, known: Service) -> Iterator[Finding]:
    name = pattern.partition(":")[2].lower()
    on_resources = [one for one in known.on_resources if fnmatch.fnmatchcase(one.lower(), name)]
    on_everything = [one for one in known.on_everything if fnmatch.fnmatchcase(one.lower(), name)]
    if not on_resources and not on_everything:
        yield found.finding("UnknownAction", pattern, "AWS has no such action: it grants nothing",
                            "Correct its name.")  # fmt: skip
    everything = any(resource in ("*", "arn:aws:s3:::*", "arn:aws:s3:::*/*") for resource in found.resources)
    if everything and on_resources and not found.keys and not _passes(pattern):
        yield found.finding("EveryResource", pattern, "it allows the action on all resources of the account",
                            "Name them, or put a condition.")  # fmt: skip


def _passing(found: Allowed) -> Iterator[Finding]:
    for pattern in (one for one in found.actions if _passes(one) and one not in ("*", "iam:*")):
        if "iam:passedtoservice" not in found.keys:
            yield found.finding("PassRole", pattern, "it hands roles to any service that would take them",
                                "Ask for iam:PassedToService.")  # fmt: skip
        if any(resource.endswith(("*", "role/*")) and resource.count("/") < 2 for resource in found.resources):
            yield found.finding("PassRole", f"{pattern} on {found.resources[0]}", "it hands over any role, an "
                                "administrator's too", "Name the roles.")  # fmt: skip


def _granting(found: Allowed) -> Iterator[Finding]:
    for pattern in found.actions:
        creates = fnmatch.fnmatchcase("kms:creategrant", pattern.lower()) and not pattern.endswith("*")
        if creates and not found.keys & _GRANTEES:
            yield found.finding("AnyGrantee", pattern, "who has it hands the key to whom they like",
                                "Ask for kms:GrantIsForAWSResource or kms:ViaService.")  # fmt: skip


def _passes(pattern: str) -> bool:
    return fnmatch.fnmatchcase("iam:passrole", pattern.lower())
