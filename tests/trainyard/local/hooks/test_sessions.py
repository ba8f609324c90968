"""Sessions that SageMaker opens: only of roles that trust it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

ROLE = """
from ministack.services import iam
from trainyard.local.api.errors import ServiceError
from trainyard.local.hooks import references, sessions
arn = "arn:aws:iam::123456789012:role/path/r"
iam._roles["r"] = {"Arn": arn, "RoleId": "AROAX", "AssumeRolePolicyDocument": TRUST, "InlinePolicies": {}}
try:
    session = sessions.assume(ASKED, "job-" + "x" * 80)
    from ministack.services import sts
    result = sts._sessions[session.access_key_id]["Arn"]
except ServiceError as error:
    result = [error.code, error.message]
print(json.dumps([references.exists("role", ASKED), result]))
"""


def statement(effect: str = "Allow", **extra: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole", **extra}


CASES = {
    "trusts SageMaker": ([statement()], True),
    "trusts it among others": (
        [statement(Principal={"Service": ["ec2.amazonaws.com", "sagemaker.amazonaws.com"]})],
        True,
    ),
    "trusts another service": ([statement(Principal={"Service": "lambda.amazonaws.com"})], False),
    "trusts the account alone": ([statement(Principal={"AWS": "arn:aws:iam::123456789012:root"})], False),
    "allows another action": ([statement(Action="sts:TagSession")], False),
    "a deny wins": ([statement(), statement("Deny")], False),
    "of its own account": ([statement(Condition={"StringEquals": {"aws:SourceAccount": "123456789012"}})], True),
    "of another account": ([statement(Condition={"StringEquals": {"aws:SourceAccount": "210987654321"}})], False),
}


@pytest.mark.parametrize("case", CASES)
def test_a_role_is_assumed_with_the_consent_of_its_trust_policy(case: str, beside_the_emulator: Callable) -> None:
    statements, trusted = CASES[case]
    arn = "arn:aws:iam::123456789012:role/path/r"
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    exists, result = beside_the_emulator(f"TRUST, ASKED = {document!r}, {arn!r}\n{ROLE}")
    assert exists is trusted
    if trusted:
        # A session name has 64 characters at most.
        assert result == f"arn:aws:sts::123456789012:assumed-role/r/{('job-' + 'x' * 80)[:64]}"
    else:
        assert result[0] == "ValidationException"
        assert result[1].startswith(f"Could not assume role {arn}. Please ensure that the role exists and allows")


@pytest.mark.parametrize("asked", ["arn:aws:iam::123456789012:role/r", "arn:aws:iam::123456789012:role/x", "r", ""])
def test_a_role_is_found_by_its_whole_arn(asked: str, beside_the_emulator: Callable) -> None:
    document = json.dumps({"Statement": [statement()]})
    exists, result = beside_the_emulator(f"TRUST, ASKED = {document!r}, {asked!r}\n{ROLE}")
    assert not exists
    assert result[0] == "ValidationException"
