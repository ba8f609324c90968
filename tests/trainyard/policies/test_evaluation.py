"""IAM's decision, held against plain sentences of "Policy evaluation logic" (IAM User Guide)."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainyard.policies.documents import Policy, parse
from trainyard.policies.evaluation import Decision, Policies, Request, decide

OWN, OTHER = "111111111111", "999999999999"
ROLE, SESSION = f"arn:aws:iam::{OWN}:role/job", f"arn:aws:sts::{OWN}:assumed-role/job/one"
ACTIONS, RESOURCES = ("s3:GetObject", "s3:PutObject", "kms:Decrypt"), ("arn:aws:s3:::a/x", "arn:aws:s3:::b/x")
REQUEST = Request(principal=ROLE, session=SESSION, action="s3:GetObject", resource=RESOURCES[0], owner=OWN)

statements = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.sampled_from([*ACTIONS, "s3:*", "*", "S3:getobject"]),
        "Resource": st.sampled_from([*RESOURCES, "arn:aws:s3:::a/*", "*"]),
    },
    optional={"Condition": st.sampled_from(
        [{"StringEquals": {"aws:RequestedRegion": "here"}}, {"StringNotEquals": {"aws:RequestedRegion": "here"}},
         {"Null": {"aws:RequestedRegion": "true"}}])},
)  # fmt: skip
documents = st.lists(statements, max_size=4)
requests = st.builds(
    dataclasses.replace, st.just(REQUEST), action=st.sampled_from(ACTIONS), resource=st.sampled_from(RESOURCES),
    keys=st.sampled_from([{}, {"aws:requestedregion": "here"}, {"aws:requestedregion": "there"}]),
)  # fmt: skip


def policy(*found: dict[str, Any], name: str = "p") -> Policy:
    return parse({"Statement": list(found)}, name)


def to(*principals: str, effect: str = "Allow", **more: Any) -> Policy:
    """A resource's policy."""
    return policy({"Effect": effect, "Principal": {"AWS": list(principals)}, "Action": "*", "Resource": "*", **more})


ALL = policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
NONE = policy({"Sid": "No", "Effect": "Deny", "Action": "*", "Resource": "*"})


@given(requests, documents)
def test_what_nobody_allows_is_denied(request: Request, found: list[dict]) -> None:
    denials = [one for one in found if one["Effect"] == "Deny"]
    assert not decide(request, Policies(identity=[policy(*denials)])).allowed


@given(requests, documents, st.sampled_from(["identity", "boundary", "session", "organization", "resource"]))
def test_an_explicit_denial_anywhere_wins(request: Request, found: list[dict], where: str) -> None:
    everywhere = {"identity": [policy(*found), ALL], "boundary": ALL, "session": ALL, "organization": [ALL],
                  "resource": to(ROLE)}  # fmt: skip
    denial = to("*", effect="Deny", Sid="No") if where == "resource" else NONE
    everywhere[where] = [*everywhere[where], denial] if where in ("identity", "organization") else denial
    decision = decide(request, Policies(**everywhere))
    assert not decision.allowed
    assert decision.explicit


@given(requests, documents, documents)
def test_a_boundary_intersects(request: Request, found: list[dict], limits: list[dict]) -> None:
    identity, boundary = policy(*found), policy(*limits)
    both = decide(request, Policies(identity=[identity], boundary=boundary)).allowed
    alone = decide(request, Policies(identity=[identity])).allowed
    limit = decide(request, Policies(identity=[boundary])).allowed
    assert both == (alone and limit)


@given(requests, documents)
def test_boundaries_session_policies_and_the_organisations_grant_nothing(request: Request, found: list[dict]) -> None:
    layers = Policies(boundary=policy(*found), session=ALL, organization=[ALL])
    assert not decide(request, layers).allowed


@given(requests, documents)
def test_every_level_of_the_organisation_must_allow(request: Request, found: list[dict]) -> None:
    levels = decide(request, Policies(identity=[ALL], organization=[ALL, policy(*found)])).allowed
    assert levels == decide(request, Policies(identity=[policy(*found)])).allowed


@given(requests, documents, st.randoms(use_true_random=False))
def test_the_order_of_statements_decides_nothing(request: Request, found: list[dict], order: Any) -> None:
    mixed = order.sample(found, len(found))
    assert (
        decide(request, Policies(identity=[policy(*found)])).allowed
        == decide(request, Policies(identity=[policy(one) for one in mixed])).allowed
    )


@given(requests, documents, statements)
def test_one_more_allow_never_denies(request: Request, found: list[dict], more: dict) -> None:
    before = decide(request, Policies(identity=[policy(*found)])).allowed
    after = decide(request, Policies(identity=[policy(*found, more | {"Effect": "Allow"})])).allowed
    assert after >= before


def decided(resource: Policy | None, *, identity: Policy = (), owner: str = OWN, **layers: Any) -> Decision:
    return decide(dataclasses.replace(REQUEST, owner=owner), Policies(identity=[identity], resource=resource, **layers))


def test_in_one_account_a_resource_that_names_the_role_is_enough() -> None:
    assert decided(to(ROLE)).allowed


def test_a_resource_that_names_the_account_leaves_it_to_the_accounts_policies() -> None:
    for account in (OWN, f"arn:aws:iam::{OWN}:root"):
        assert not decided(to(account)).allowed
        assert decided(to(account), identity=ALL).allowed


def test_across_accounts_both_must_allow() -> None:
    assert not decided(to(ROLE), owner=OTHER).allowed
    assert not decided(None, identity=ALL, owner=OTHER).allowed
    assert decided(to(ROLE), identity=ALL, owner=OTHER).allowed
    assert decided(to(OWN), identity=ALL, owner=OTHER).allowed


def test_a_key_of_kms_must_allow_in_its_own_account_too() -> None:
    assert not decided((), identity=ALL, resource_decides=True).allowed
    assert decided(to(f"arn:aws:iam::{OWN}:root"), identity=ALL, resource_decides=True).allowed
    assert decided(to(ROLE), resource_decides=True).allowed


def test_a_boundary_limits_what_a_resource_grants_to_a_role_and_not_to_its_session() -> None:
    nothing = policy({"Effect": "Allow", "Action": "logs:*", "Resource": "*"})
    assert not decided(to(ROLE), boundary=nothing).allowed
    assert decided(to(SESSION), boundary=nothing).allowed
    assert not decided(to(SESSION), organization=[nothing]).allowed


def test_a_resource_that_names_somebody_else_says_nothing() -> None:
    somebody = f"arn:aws:iam::{OWN}:role/other"
    assert not decided(to(somebody)).allowed
    assert decided(to(somebody, effect="Deny"), identity=ALL).allowed


def test_a_service_is_let_in_by_name_and_is_no_account() -> None:
    service = "logging.s3.amazonaws.com"
    request = dataclasses.replace(REQUEST, principal=service, session=None)
    letting = policy({"Effect": "Allow", "Principal": {"Service": service}, "Action": "*", "Resource": "*"})
    assert decide(request, Policies(resource=letting)).allowed
    assert not decide(request, Policies(resource=to(OWN))).allowed
    foreign = {"StringNotEqualsIfExists": {"aws:PrincipalAccount": OWN},
               "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}  # fmt: skip
    assert decide(request, Policies(resource=(*letting, *to("*", effect="Deny", Condition=foreign)))).allowed


def test_everybody_but_the_named_is_meant_by_not_principal() -> None:
    others = policy({"Effect": "Deny", "NotPrincipal": {"AWS": ROLE}, "Action": "*", "Resource": "*"})
    assert decided(others, identity=ALL).allowed
    stranger = dataclasses.replace(REQUEST, principal=f"arn:aws:iam::{OWN}:role/other", session=None)
    assert not decide(stranger, Policies(identity=[ALL], resource=others)).allowed


def test_a_decision_names_the_statement() -> None:
    found = policy({"Sid": "Read", "Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}, name="role")
    assert str(decided(None, identity=found)) == "allow: role/Read"
    assert str(decided(None)) == "no allow: the identity's policies"
    assert str(decided(None, identity=(*found, *NONE))) == "deny: p/No"


@pytest.mark.parametrize(
    ("pattern", "given_", "meant"),
    [("s3:Get*", "s3:GetObject", True), ("S3:get*", "s3:GetObject", True), ("s3:Get?bject", "s3:GetObject", True),
     ("s3:Get", "s3:GetObject", False), ("s3:[G]etObject", "s3:GetObject", False)],
)  # fmt: skip
def test_actions_have_no_case_and_two_wildcards(pattern: str, given_: str, meant: bool) -> None:
    found = policy({"Effect": "Allow", "Action": pattern, "Resource": "*"})
    request = dataclasses.replace(REQUEST, action=given_)
    assert decide(request, Policies(identity=[found])).allowed == meant


def test_not_action_and_not_resource_mean_all_others() -> None:
    found = policy({"Effect": "Allow", "NotAction": "s3:Put*", "NotResource": RESOURCES[1]})
    allowed = {(action, resource) for action in ACTIONS for resource in RESOURCES
               if decide(dataclasses.replace(REQUEST, action=action, resource=resource),
                         Policies(identity=[found])).allowed}  # fmt: skip
    assert allowed == {("s3:GetObject", RESOURCES[0]), ("kms:Decrypt", RESOURCES[0])}
