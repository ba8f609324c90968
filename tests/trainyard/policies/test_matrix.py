"""Every environment's policies, tried: what must be allowed is, beside everything that must not."""

import json
from typing import Any

import pytest
from synthesis import ROOT, assembly, stages

from ml_contract.errors import ContractError
from trainyard.policies.assembly import Environment
from trainyard.policies.documents import parse
from trainyard.policies.evaluation import Policies, Request, decide
from trainyard.policies.matching import action_like
from trainyard.policies.matrix import decision_of, markdown, reach, rows

GUARDED = ("prod", "research")


@pytest.fixture(scope="module")
def prod() -> Environment:
    return Environment(assembly(), "prod")


@pytest.mark.parametrize("stage", ["Dev", "Lab", "Local", "Prod", "Research"])
def test_every_call_is_decided_as_it_must_be(stage: str) -> None:
    assert stage in stages()
    environment = Environment(assembly(), stage)
    assert [f"{row.principal} {row.case.says}: {row.decision}" for row in rows(environment) if not row.as_it_must] == []
    assert [f"{one.principal} {one.place.uri}" for one in reach(environment) if not one.as_it_must] == []


def test_allows_stand_beside_denials_and_every_guardrail_denies_something(prod: Environment) -> None:
    found = rows(prod)
    assert sum(row.decision.allowed for row in found) >= 10
    boundary = next(one.boundary for one in prod.principals if one.label == "Training-bytes-lm/Pipeline")
    assert boundary
    named = {statement.where for statement in boundary if not statement.allows}
    decided = {row.decision.by for row in found}
    # A notebook without internet is not tried with root, nor a studio.
    assert {name.rpartition("/")[2] for name in named - decided} == {"RootNotebooks", "OpenStudios"}


def test_every_role_of_a_guarded_environment_has_a_boundary() -> None:
    for name in GUARDED:
        found = Environment(assembly(), name).principals
        assert [principal.label for principal in found if principal.trust and principal.boundary is None] == []


@pytest.mark.parametrize("name", GUARDED)
def test_no_boundary_takes_away_what_a_role_was_given(name: str) -> None:
    """A grant of a service that the boundary lacks would be of no use, and nobody would be told."""
    useless = [
        f"{principal.label}: {action}"
        for principal in Environment(assembly(), name).principals
        for policy in principal.identity
        for statement in policy
        for action in statement.actions
        if principal.boundary and statement.allows
        and not any(action_like(pattern, action) for limit in principal.boundary if limit.allows
                    for pattern in limit.actions)
    ]  # fmt: skip
    assert useless == [], "add the service to SERVICES of constructs_lib/guardrails/boundary.py"


def test_jobs_of_one_pipeline_reach_no_place_of_another(prod: Environment) -> None:
    crossed = [one for one in reach(prod) if not one.own]
    assert len(crossed) > 10
    assert not any(one.reads.allowed or one.writes.allowed for one in crossed)


def changed(change: Any) -> Environment:
    """Prod with the template of one stack changed, in memory."""
    found = Environment(assembly(), "prod")
    (stack,) = (one for one in found._stacks if one.name == "trainyard-prod-training-bytes-lm")
    change(stack.template["Resources"])
    return found


def test_a_role_that_reaches_too_far_is_seen() -> None:
    def change(resources: dict[str, Any]) -> None:
        policy = next(r for n, r in resources.items() if n.startswith("PipelineJobsRoleDefaultPolicy"))
        policy["Properties"]["PolicyDocument"]["Statement"].append(
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
        )

    wrong = {one.place.short for one in reach(changed(change)) if not one.as_it_must}
    assert "checkpoints/arr-coc" in wrong


@pytest.mark.slow
def test_a_role_without_its_boundary_is_seen() -> None:
    def change(resources: dict[str, Any]) -> None:
        role = next(r for n, r in resources.items() if n.startswith("PipelineRole") and r["Type"] == "AWS::IAM::Role")
        del role["Properties"]["PermissionsBoundary"]

    wrong = {row.case.says for row in rows(changed(change)) if not row.as_it_must}
    assert {"Train for 28 days", "Train outside of any VPC"} <= wrong


def test_plain_http_and_foreign_accounts_are_refused_by_the_buckets(prod: Environment) -> None:
    jobs = next(one for one in prod.principals if one.label == "Training-bytes-lm/PipelineJobs")
    place = next(one.place for one in reach(prod) if one.own and one.principal == jobs.label)
    keys = {"aws:requestedregion": prod.region, "aws:securetransport": "true"}
    asked = Request(principal=jobs.arn, action="s3:GetObject", resource=f"{place.arn}/x", owner=prod.account, keys=keys)
    assert decision_of(prod, jobs, asked).allowed
    plain = Request(principal=jobs.arn, action="s3:GetObject", resource=f"{place.arn}/x", owner=prod.account,
                    keys={**keys, "aws:securetransport": "false"})  # fmt: skip
    assert str(decision_of(prod, jobs, plain)).startswith("deny: bucket")


def test_a_foreign_account_is_refused_by_every_bucket_even_where_somebody_lets_it_in(prod: Environment) -> None:
    stranger, logging = "arn:aws:iam::999999999999:role/stranger", "logging.s3.amazonaws.com"
    everything = parse({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "its own")
    for name, own in prod.buckets.items():
        opened = parse({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}, "opened")
        for who, allowed in ((stranger, False), (logging, True), (prod.principals[0].arn, True)):
            asked = Request(principal=who, action="s3:GetObject", resource=f"arn:aws:s3:::{name}/x",
                            owner=prod.account, keys={"aws:securetransport": "true"})  # fmt: skip
            decision = decide(asked, Policies(identity=[everything], resource=(*own, *opened)))
            assert decision.allowed == allowed, (name, who, decision)
            assert allowed or decision.by.endswith("/OtherAccounts")


@pytest.mark.parametrize("name", GUARDED)
def test_the_document_shows_what_the_policies_decide_now(name: str) -> None:
    text = (ROOT / "docs" / "guardrails.md").read_text()
    generated = markdown(Environment(assembly(), name), name)
    assert generated in text, f"write it again: trainyard policies matrix cdk.out --environment {name} --markdown"


def test_the_organisations_policy_is_kept_with_the_assembly_and_fits(prod: Environment) -> None:
    document = prod.service_control_policy
    assert document
    assert len(json.dumps(document, separators=(",", ":"))) <= 5120
    assert all(statement["Effect"] == "Deny" for statement in document["Statement"])
    assert Environment(assembly(), "lab").service_control_policy is None


def test_an_environment_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ContractError, match=r"There are .*\bdev, lab, local, prod, research"):
        Environment(assembly(), "production")
