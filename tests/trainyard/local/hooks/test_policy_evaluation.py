"""Two evaluators that different people wrote, the emulator's and the operator's, decide the same."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from synthesis import assembly

from trainyard.policies.assembly import Environment
from trainyard.policies.documents import Policy, Statement, parse
from trainyard.policies.evaluation import Policies, Request, decide
from trainyard.policies.matrix import rows

ACCOUNT = "111111111111"
_THEIRS = """
from ministack.core import iam_evaluator as them
def decided(case):
    parsed = lambda document: [them.parse_policy_document(document)]
    context = them.EvalContext(
        principal_arn=case["principal"], principal_type="AssumedRole", principal_account=case["account"],
        action=case["action"], resource_arn=case["resource"], region=case["keys"].get("aws:requestedregion", ""),
        secure_transport=True, service_context=case["keys"])
    limits = [parsed(case["boundary"])] if case["boundary"] else []
    return them.evaluate(context, parsed(case["identity"]), *limits).decision == "Allow"
print(json.dumps([decided(case) for case in json.loads(Path({file!r}).read_text())]))
"""
_ACTIONS = ("s3:GetObject", "s3:PutObject", "sagemaker:CreateTrainingJob")
_RESOURCES = ("arn:aws:s3:::a/x", "arn:aws:s3:::b/x", f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/j")
_OPERATORS = (
    "StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "Bool",
)  # fmt: skip
_NUMERIC = ("NumericEquals", "NumericNotEquals", "NumericLessThanEquals", "NumericGreaterThan")
_VALUES = ("ml.g5.xlarge", "ML.G5.xlarge", "ml.g5.*", "ml.?5.xlarge", "ml.p4d.24xlarge", "true", "false")
_NUMBERS = ("3600", "7200", "86400")


def _condition(chance: random.Random) -> dict[str, Any]:
    key = chance.choice(("demo:One", "demo:Many", "demo:Count"))
    if chance.random() < 0.2:
        return {"Null": {key: chance.choice(("true", "false"))}}
    # IAM refuses a number that is none, so what would come of one is nobody's rule.
    operator = chance.choice(_NUMERIC if key == "demo:Count" else _OPERATORS)
    which = chance.choice(("ForAllValues:", "ForAnyValue:")) if key == "demo:Many" else ""
    wanted = chance.sample(_NUMBERS if key == "demo:Count" else _VALUES, chance.randint(1, 3))
    return {f"{which}{operator}{chance.choice(('', 'IfExists'))}": {key: wanted}}


def _statement(chance: random.Random) -> dict[str, Any]:
    resources, actions = [*_RESOURCES, "arn:aws:s3:::a/*", "*"], [*_ACTIONS, "s3:*", "*", "S3:get*"]
    return {
        "Effect": chance.choice(("Allow", "Allow", "Deny")),
        chance.choice(("Action", "Action", "NotAction")): chance.sample(actions, chance.randint(1, 2)),
        chance.choice(("Resource", "Resource", "NotResource")): chance.sample(resources, chance.randint(1, 2)),
        **({"Condition": _condition(chance)} if chance.random() < 0.6 else {}),
    }


def _document(chance: random.Random) -> dict[str, Any]:
    return {"Statement": [_statement(chance) for _ in range(chance.randint(1, 3))]}


def _case(chance: random.Random) -> dict[str, Any]:
    one = {"demo:one": chance.choice(_VALUES)} if chance.random() < 0.7 else {}
    one |= {"demo:count": chance.choice(_NUMBERS)} if chance.random() < 0.7 else {}
    many = {"demo:many": chance.sample(_VALUES, chance.randint(0, 3))} if chance.random() < 0.7 else {}
    return {
        "principal": f"arn:aws:iam::{ACCOUNT}:role/job", "account": ACCOUNT, "action": chance.choice(_ACTIONS),
        "resource": chance.choice(_RESOURCES), "keys": {**one, **many}, "identity": _document(chance),
        "boundary": _document(chance) if chance.random() < 0.4 else None,
    }  # fmt: skip


def _ours(case: dict[str, Any]) -> bool:
    request = Request(principal=case["principal"], action=case["action"], resource=case["resource"],
                      owner=case["account"], keys=case["keys"])  # fmt: skip
    boundary = parse(case["boundary"], "boundary") if case["boundary"] else None
    return decide(request, Policies(identity=[parse(case["identity"], "role")], boundary=boundary)).allowed


def _written(policies: tuple[Policy, ...]) -> dict[str, Any]:
    return {"Statement": [_as_json(one) for policy in policies for one in policy]}


def _as_json(one: Statement) -> dict[str, Any]:
    elements = {"Action": one.actions, "NotAction": one.not_actions, "Resource": one.resources,
                "NotResource": one.not_resources}  # fmt: skip
    return {"Effect": "Allow" if one.allows else "Deny", "Condition": one.conditions,
            **{name: values for name, values in elements.items() if values}}  # fmt: skip


@pytest.mark.slow
def test_both_decide_the_same_of_thousands_of_requests_and_of_every_call_of_prod(
    tmp_path: Path, beside_the_emulator: Callable[[str], Any]
) -> None:
    chance = random.Random(20261122)
    cases = [_case(chance) for _ in range(5000)]
    prod = Environment(assembly(), "prod")
    by_label = {principal.label: principal for principal in prod.principals}
    # The emulator knows one account; and people, who have no boundary, are held by the organisation.
    tried = [row for row in rows(prod) if row.case.request.owner == prod.account and by_label[row.principal].trust]
    for row in tried:
        who, asked = by_label[row.principal], row.case.request
        cases.append(
            {"principal": asked.principal, "account": prod.account, "action": asked.action, "resource": asked.resource,
             "keys": dict(asked.keys), "identity": _written(who.identity), "boundary": _written((who.boundary,))}
        )  # fmt: skip
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(cases))
    theirs = beside_the_emulator(_THEIRS.replace("{file!r}", repr(str(file))))
    ours = [_ours(case) for case in cases]
    assert ours[5000:] == [row.decision.allowed for row in tried]
    assert 500 < sum(ours) < 4500
    assert [case for case, here, there in zip(cases, ours, theirs, strict=True) if here != there] == []
