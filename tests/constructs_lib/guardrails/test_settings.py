"""The limits as a value: what is refused, and what a value that asks for more is told."""

import pytest

from constructs_lib.guardrails import Guardrails
from constructs_lib.guardrails.usage import check
from constructs_lib.training import ProcessingResources
from constructs_lib.values import InvalidValue, Value
from ml_contract.errors import ContractError


def limits(**changes: object) -> Guardrails:
    values = {"instance_families": ("ml.g5", "ml.m5"), "max_run_seconds": 3600, "encrypt_traffic": False,
              "network_isolation": False}  # fmt: skip
    return Guardrails(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"instance_families": ()}, "Guardrails.instance_families: got ()"),
        ({"instance_families": ("ml.g55",)}, "Did you mean ml.g5?"),
        ({"instance_families": ("g5",)}, "has no type of this family"),
        ({"instance_families": ("ml.g5", "ml.g5")}, "each is named once"),
        ({"max_run_seconds": 0}, "at least 60"),
        ({"max_run_seconds": 29 * 24 * 3600}, "at most 2419200"),
        ({"trusted_accounts": ("12345678901",)}, "twelve digits"),
        ({"trusted_accounts": ("１２３４５６７８９０１２",)}, "twelve digits"),
        ({"families": ("ml.g5",)}, "has no such field"),
    ],
)
def test_what_makes_no_limit_is_refused(changes: dict, said: str) -> None:
    with pytest.raises(InvalidValue, match="Guardrails") as refused:
        limits(**changes)
    assert said in str(refused.value)


def test_nothing_that_opens_a_door_has_a_default() -> None:
    with pytest.raises(InvalidValue) as refused:
        Guardrails()
    missing = {problem.field.partition(".")[2] for problem in refused.value.problems}
    assert missing == {"instance_families", "max_run_seconds", "encrypt_traffic", "network_isolation"}


def test_only_families_without_local_disks_take_a_key_for_volumes() -> None:
    assert limits(instance_families=("ml.g5", "ml.m5", "ml.p5")).keyed_families == ("ml.m5",)


class _Step(Value):
    resources: ProcessingResources


class _Plan(Value):
    steps: tuple[_Step, ...]


def plan(instance_type: str = "ml.g5.xlarge", seconds: int = 60) -> _Plan:
    resources = ProcessingResources(instance_type=instance_type, volume_gib=10, max_run_seconds=seconds)
    return _Plan(steps=(_Step(resources=resources),))


def test_a_plan_within_the_limits_passes() -> None:
    check(limits(), plan())


def test_a_plan_of_other_instances_is_refused_by_the_path_of_its_field() -> None:
    with pytest.raises(ContractError, match=r"^steps\.0\.resources\.instance_type: got 'ml\.p4d\.24xlarge', but the"):
        check(limits(), plan("ml.p4d.24xlarge"))


def test_a_family_is_no_prefix_of_another() -> None:
    with pytest.raises(ContractError):
        check(limits(instance_families=("ml.p4d",)), plan("ml.p4de.24xlarge"))


def test_a_plan_that_runs_longer_is_refused_by_the_path_of_its_field() -> None:
    with pytest.raises(ContractError, match=r"^steps\.0\.resources\.max_run_seconds: got 3601"):
        check(limits(), plan(seconds=3601))
