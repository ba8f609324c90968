"""Value objects of the contract hold what their fields say."""

import dataclasses
import importlib
import inspect
import pkgutil
import typing
from dataclasses import field

import pytest
from foreign import foreign_to, sample_of

import ml_contract
from ml_contract.errors import ContractError
from ml_contract.training.strategies import Ddp
from ml_contract.values import value_object


@value_object
class Size:
    count: int
    names: tuple[str, ...] = field(default=("a",))

    def __post_init__(self) -> None:
        if self.count > 9:
            raise ContractError("count", self.count, "it must be at most 9", "Give less.")


@value_object
class Larger(Size):
    more: bool = False


def refused(kind: type, **fields: object) -> str:
    with pytest.raises(ContractError) as caught:
        kind(**fields)
    return str(caught.value)


def test_the_line_names_class_field_value_rule_and_way_out() -> None:
    assert refused(Size, count=2.0) == (
        "Size.count: got 2.0, but it must be a valid integer. Give count as Size declares it."
    )


def test_what_lies_within_a_field_has_its_path() -> None:
    assert refused(Size, count=1, names=("a", 1)).startswith("Size.names.1: got 1, but it must be a valid string.")


def test_types_are_looked_at_before_rules() -> None:
    assert refused(Size, count="10").startswith("Size.count: got '10', but it must be a valid integer.")
    assert refused(Size, count=10) == "count: got 10, but it must be at most 9. Give less."


@pytest.mark.parametrize("fields", [{"count": True}, {"count": 1, "more": 1}])
def test_a_subclass_looks_at_all_fields(fields: dict[str, object]) -> None:
    assert refused(Larger, **fields).startswith("Larger.")


def test_it_is_frozen_keyword_only_and_can_be_replaced() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Ddp().bucket_mib = 1
    with pytest.raises(TypeError):
        Size(1)
    assert dataclasses.replace(Larger(count=1), more=True) == Larger(count=1, more=True)
    with pytest.raises(ContractError, match=r"^Larger\.more: got 1, "):
        dataclasses.replace(Larger(count=1), more=1)


MODULES = [
    importlib.import_module(module.name) for module in pkgutil.walk_packages(ml_contract.__path__, "ml_contract.")
]
KINDS = [
    kind
    for module in MODULES
    for kind in vars(module).values()
    if inspect.isclass(kind) and dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__
]


def test_every_field_of_every_value_object_refuses_what_is_foreign_to_it() -> None:
    assert len(KINDS) > 100
    taken = []
    for kind in KINDS:
        hints = typing.get_type_hints(kind)
        names = [each.name for each in dataclasses.fields(kind)]
        samples = {name: sample_of(hints[name]) for name in names}
        for name in names:
            for value in foreign_to(hints[name]):
                try:
                    kind(**samples | {name: value})
                except ContractError as error:
                    one_line = str(error)
                    if one_line.startswith(f"{kind.__name__}.{name}") and "\n" not in one_line:
                        continue
                taken.append(f"{kind.__name__}.{name}: {value!r}")
    assert not taken
