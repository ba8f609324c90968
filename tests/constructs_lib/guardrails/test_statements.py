"""The limits as statements: of keys that the requests carry, and no longer than AWS takes."""

import fnmatch
import json
from typing import Any

import aws_cdk as cdk
import pytest

from constructs_lib.guardrails import Boundary, Guardrails, service_control_policy
from constructs_lib.guardrails.boundary import LONGEST
from constructs_lib.guardrails.reference import everything, service
from constructs_lib.guardrails.statements import JOBS, Places, denials
from environments import PROD, RESEARCH
from ml_contract.errors import ContractError
from stacks.environment import Environment

STRICT = Guardrails(
    instance_families=("ml.g5", "ml.m5"), max_run_seconds=3600, encrypt_traffic=True, network_isolation=True
)
PLACES = Places(subnets=["subnet-1"], groups=["sg-1"], key="arn:aws:kms:here:111111111111:key/k")
HERE: dict[str, Any] = {"region": "here", "account": "111111111111"}


def sagemaker_keys(statement: dict[str, Any]) -> set[str]:
    return {key for keys in statement.get("Condition", {}).values() for key in keys if key.startswith("sagemaker:")}


@pytest.mark.parametrize("places", [PLACES, None])
def test_an_action_that_is_denied_for_want_of_a_key_carries_it(places: Places | None) -> None:
    """Of one that does not, every call would be denied."""
    keys = service("sagemaker").keys
    looked_at = 0
    for statement in denials(STRICT, places=places, **HERE):
        if statement.get("Action") in (None, ["sagemaker:Create*", "sagemaker:Update*"]):
            continue
        meant = {name for pattern in statement["Action"] for name in everything("sagemaker")
                 if fnmatch.fnmatchcase(f"sagemaker:{name}", pattern)}  # fmt: skip
        for key in sagemaker_keys(statement):
            assert meant <= keys[key], (statement["Sid"], key)
            looked_at += 1
    assert looked_at == 10


def test_what_names_all_actions_holds_nothing_against_requests_without_the_key() -> None:
    for statement in denials(STRICT, places=PLACES, **HERE):
        if statement.get("Action") == ["sagemaker:Create*", "sagemaker:Update*"]:
            (key,) = sagemaker_keys(statement)
            operators = set(statement["Condition"])
            affirmative = operators <= {
                "ForAnyValue:StringNotLike",
                "ForAnyValue:StringNotEquals",
                "NumericGreaterThan",
            }
            assert affirmative or statement["Condition"]["Null"] == {key: "false"}


def test_every_job_is_an_action_of_sagemaker() -> None:
    assert set(JOBS) <= everything("sagemaker")


def test_switches_that_are_off_deny_nothing() -> None:
    loose = Guardrails(**{**dict(STRICT), "encrypt_traffic": False, "network_isolation": False})
    gone = {one["Sid"] for one in denials(STRICT, places=PLACES, **HERE)}
    gone -= {one["Sid"] for one in denials(loose, places=PLACES, **HERE)}
    assert gone == {"PlainTraffic", "OpenContainers"}


def test_without_a_family_whose_volumes_take_a_key_none_is_asked_for() -> None:
    nvme = Guardrails(**{**dict(STRICT), "instance_families": ("ml.g5",)})
    assert "PlainVolumes" not in {one["Sid"] for one in denials(nvme, places=PLACES, **HERE)}


def test_the_organisations_policy_fits_with_everything_on_and_is_refused_where_it_does_not() -> None:
    document = service_control_policy(STRICT, role_names="trainyard-*", **HERE)
    assert len(json.dumps(document, separators=(",", ":"))) <= 5120
    many = tuple(f"{number:012}" for number in range(200))
    wide = Guardrails(**{**dict(STRICT), "trusted_accounts": many})
    with pytest.raises(ContractError, match="a service control policy has at most 5120 characters"):
        service_control_policy(wide, role_names="trainyard-*", **HERE)


def test_a_boundary_that_iam_would_not_take_is_refused() -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": ["x" * LONGEST]}
    with pytest.raises(ContractError, match="a managed policy has at most 6144 characters"):
        Boundary(cdk.Stack(cdk.App(), "S"), "B", description="Too long", statements=[statement])


@pytest.mark.parametrize("environment", [PROD, RESEARCH])
def test_an_environment_that_asks_for_more_than_its_guardrails_allow_is_none(environment: Environment) -> None:
    values = {name: getattr(environment, name) for name in Environment.model_fields}
    assert environment.guardrails
    for changes, said in (
        ({"instance_families": ("ml.g5", "ml.m5", "ml.p5")}, "resources.instance_type"),
        ({"max_run_seconds": 24 * 3600}, "capacity.max_run_seconds: got 259200, but the guardrails allow 86400 s"),
    ):
        narrower = Guardrails(**(dict(environment.guardrails) | changes))
        with pytest.raises(ValueError, match="trainings") as refused:
            Environment(**(values | {"guardrails": narrower}))
        assert said in str(refused.value)
