"""Policies that are text, as a template may have them where a key is known only when it is deployed."""

from __future__ import annotations

import json

import pytest
from synthesis import assembly

from ml_contract.errors import ContractError
from trainyard.policies.assembly import Environment
from trainyard.policies.documents import parse
from trainyard.policies.evaluation import Policies, Request, decide

TRUST = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}}


def test_text_says_what_the_document_says() -> None:
    assert parse(json.dumps(TRUST), "trust") == parse(TRUST, "trust")


def test_text_that_is_no_policy_is_refused_by_name() -> None:
    with pytest.raises(ContractError, match="trust of R: got '<trust>', but a policy is JSON"):
        parse("<trust>", "trust of R")


@pytest.mark.slow  # the synthesis of all environments, which others want too
@pytest.mark.parametrize(
    ("account", "allowed"), [("hyperpod-inference-controller-manager", True), ("keda-operator", False)]
)
def test_pods_of_another_service_account_do_not_take_the_operator_s_role(account: str, allowed: bool) -> None:
    environment = Environment(assembly(), "research")
    (role,) = (one for one in environment.principals if one.label.endswith("InferenceIssuerOperator"))
    (by_token,) = (one for one in role.trust if "Federated" in one.principals)
    (provider,) = by_token.principals["Federated"]
    issuer = provider.partition("oidc-provider/")[2]
    keys = {f"{issuer}:aud": "sts.amazonaws.com",
            f"{issuer}:sub": f"system:serviceaccount:hyperpod-inference-system:{account}"}  # fmt: skip
    request = Request(principal=provider, action="sts:AssumeRoleWithWebIdentity", resource=role.arn,
                      owner=environment.account, keys=keys)  # fmt: skip
    assert decide(request, Policies(resource=role.trust)).allowed is allowed
