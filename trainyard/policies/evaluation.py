"""IAM's decision over a request, and the statement that made it.

Source: "Policy evaluation logic" and "How AWS enforcement code logic evaluates requests to allow or deny access", IAM
User Guide, read 2026-11-22. In words: everything is denied until it is allowed; a denial anywhere ends it; service
control policies, the boundary and a session's policies allow nothing by themselves, but each must allow too; in one
account an identity's policy or the resource's own is enough, where the resource's may name the account, and then leaves
the choice to the identity's; across accounts, and for keys of KMS, the resource's own must allow as well. A resource's
policy that names the session itself is limited by no boundary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from trainyard.policies.conditions import Keys, met
from trainyard.policies.documents import Policy, Statement
from trainyard.policies.matching import action_like, like


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call."""

    principal: str
    """ARN of the role or user; for a service, its name, such as ``logs.us-east-1.amazonaws.com``; for who is known by a
    token, the ARN of the provider that vouches for it."""
    action: str
    """For example ``s3:GetObject``."""
    resource: str = "*"
    """ARN; ``*`` for an action that knows no resource."""
    owner: str
    """Account of the resource."""
    keys: Keys = field(default_factory=dict)
    """Condition keys by names in lower case, those of the principal excepted."""
    session: str | None = None
    """ARN of the role's session; None: none is told apart."""

    @property
    def account(self) -> str | None:
        """Account of the principal, or ``None`` for a service or nobody."""
        parts = self.principal.split(":")
        return parts[4] if len(parts) > 5 and parts[0] == "arn" else None

    @property
    def context(self) -> Keys:
        """Its keys, with those that every request of a principal carries."""
        account = self.account
        who: dict[str, str] = {"aws:resourceaccount": self.owner, "aws:principalisawsservice": "true"}
        if account is not None:
            who |= {"aws:principalarn": self.principal, "aws:principalaccount": account,
                    "aws:principalisawsservice": "false"}  # fmt: skip
        return {**who, **self.keys}


@dataclass(frozen=True, kw_only=True)
class Policies:
    """Everything that has a say."""

    identity: Sequence[Policy] = ()
    """Of the role: inline and attached ones."""
    boundary: Policy | None = None
    """Its permissions boundary, where it has one."""
    session: Policy | None = None
    """Given when the role was assumed."""
    organization: Sequence[Policy] = ()
    """Service control policies of each level of the organisation, one policy a level; none outside of one."""
    resource: Policy | None = None
    """The resource's own policy."""
    resource_decides: bool = False
    """Whether nothing is allowed that the resource's policy does not allow, as with keys of KMS."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What came of a request."""

    allowed: bool
    explicit: bool
    """Whether a statement decided; a denial without one is what nobody allowed."""
    by: str
    """The statement, or the layer that allows nothing of it."""

    def __str__(self) -> str:
        return f"{'allow' if self.allowed else 'deny' if self.explicit else 'no allow'}: {self.by}"


def decide(request: Request, policies: Policies) -> Decision:
    """Allow or deny ``request``."""
    ceilings = [("organization", level) for level in policies.organization]
    ceilings += [(name, found) for name, found in (("boundary", policies.boundary), ("session", policies.session))
                 if found is not None]  # fmt: skip
    resource = [one for one in policies.resource or () if _names(one, request)]
    identity = [one for policy in policies.identity for one in policy]
    for statements in (identity, *(found for _, found in ceilings), resource):
        denied = _first(statements, request, allows=False)
        if denied:
            return Decision(allowed=False, explicit=True, by=denied.where)
    by_identity = _first(identity, request, allows=True)
    by_resource = _first(resource, request, allows=True)
    # A statement that names the account only lets the account's own policies decide.
    directly = next((one for one in _all(resource, request) if _grants(one, request)), None)
    if (policies.resource_decides or request.account != request.owner) and by_resource is None:
        return Decision(allowed=False, explicit=False, by="the resource's policy")
    granted = by_identity or (directly if request.account in (request.owner, None) else None)
    if granted is None:
        return Decision(allowed=False, explicit=False, by="the identity's policies")
    unlimited = directly is not None and request.session in directly.principals.get("AWS", ())
    for name, statements in () if request.account is None else ceilings:
        # What names the session itself is limited by the organisation alone.
        if _first(statements, request, allows=True) is None and not (unlimited and name != "organization"):
            return Decision(allowed=False, explicit=False, by=f"the {name}")
    return Decision(allowed=True, explicit=True, by=granted.where)


def _first(statements: Iterable[Statement], request: Request, *, allows: bool) -> Statement | None:
    return next((one for one in _all(statements, request, allows=allows)), None)


def _all(statements: Iterable[Statement], request: Request, *, allows: bool = True) -> list[Statement]:
    return [one for one in statements if one.allows == allows and _speaks_of(one, request)]


def _speaks_of(statement: Statement, request: Request) -> bool:
    return (
        _chosen(statement.actions, statement.not_actions, request.action, action_like)
        and _chosen(statement.resources, statement.not_resources, request.resource, like)
        and met(statement.conditions, request.context)
    )


def _chosen(wanted: Sequence[str], unwanted: Sequence[str], given: str, fits: Callable[[str, str], bool]) -> bool:
    if wanted:
        return any(fits(pattern, given) for pattern in wanted)
    return not any(fits(pattern, given) for pattern in unwanted)


def _names(statement: Statement, request: Request) -> bool:
    """Whether a statement of a resource's policy is about the principal."""
    if statement.not_principals:
        return not _among(statement.not_principals, request)
    return _among(statement.principals, request)


def _among(principals: Mapping[str, Sequence[str]], request: Request) -> bool:
    if request.account is None and request.principal in principals.get("Service", ()):
        return True
    if request.principal in principals.get("Federated", ()):
        return True
    account = {request.account, f"arn:aws:iam::{request.account}:root"} if request.account else set()
    known = {"*", request.principal, request.session, *account} - {None}
    return bool(known.intersection(principals.get("AWS", ())))


def _grants(statement: Statement, request: Request) -> bool:
    """Whether a statement of a resource's policy allows by itself: it names more than the account."""
    if request.account is None or request.principal in statement.principals.get("Federated", ()):
        return True
    return bool({"*", request.principal, request.session}.intersection(statement.principals.get("AWS", ())))
