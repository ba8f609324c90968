"""What an annotation takes, and how it says what it does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import pytest

from ml_contract.field_types import Foreign, check_of


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 1


class Strategy:
    pass


class Own(Strategy):
    pass


class Named(Protocol):
    @property
    def name(self) -> str: ...


class Person:
    name = "Ada"


class Proxy:
    def __getattr__(self, name: str) -> str:
        return name


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, 1), (int, Level.HIGH), (float, 1), (float, 1.5), (float, np.float64(1.5)), (float, float("nan")),
        (bool, True), (str, ""), (str, Colour.RED), (str | None, None), (None, None), (Any, object()),
        (object, {}), (Literal["a", 1], 1), (Literal["a", 1] | None, None), (tuple[int, ...], ()),
        (tuple[int, ...], (1, 2)), (tuple[int, str], (1, "a")), (tuple[()], ()), (frozenset[str], frozenset("ab")),
        (Mapping[str, int], {"a": 1}), (dict[str, Any], {"a": []}), (Sequence[int], [1]), (Sequence[int], (1,)),
        (Strategy, Own()), (tuple[Strategy, ...] | str, "all"), (Annotated[int, "metres"], 1), (Path, Path("/")),
        (type[int], bool), (Named, Person()), (Named, Proxy()),
    ],
)  # fmt: skip
def test_what_is_of_its_type_is_taken(annotation: Any, value: Any) -> None:
    assert check_of(annotation)(value) is None


@pytest.mark.parametrize(
    ("annotation", "value", "rule"),
    [
        (int, True, "a valid integer"),
        (int, 2.0, "a valid integer"),
        (int, "2", "a valid integer"),
        (int, np.int64(2), "a valid integer"),
        (float, True, "a valid number"),
        (bool, 1, "a valid boolean"),
        (str, None, "a valid string"),
        (str, b"a", "a valid string"),
        (str | None, 1, "a valid string or None"),
        (Literal[1, 2], True, "one of 1 or 2"),
        (Literal[1, 2], 1.0, "one of 1 or 2"),
        (Literal["a", "b", "c"], "d", "one of 'a', 'b' or 'c'"),
        (Literal["a"], [], "one of 'a'"),
        (tuple[str, ...], "us-east-1a", "a valid tuple"),
        (tuple[str, ...], ["us-east-1a"], "a valid tuple"),
        (tuple[int, str], (1,), "a tuple of 2"),
        (Sequence[str], "us-east-1a", "a sequence, which a text is not"),
        (frozenset[str], {"a"}, "a valid frozenset"),
        (Mapping[str, str], (), "a mapping"),
        (Strategy, {}, "a Strategy"),
        (Strategy, Own, "a Strategy"),
        (Strategy | None, "own", "a Strategy or None"),
        (Named, {}, "a Named"),
    ],
)
def test_what_is_foreign_is_refused_by_its_rule(annotation: Any, value: Any, rule: str) -> None:
    assert check_of(annotation)(value) == Foreign((), value, f"it must be {rule}")


@pytest.mark.parametrize(
    ("annotation", "value", "path", "foreign"),
    [
        (tuple[str, ...], ("a", 1), (1,), 1),
        (tuple[int, str], (1, 2), (1,), 2),
        (Mapping[str, tuple[int, ...]], {"a": (1, None)}, ("a", 1), None),
        (dict[str, int], {3: 1}, ("3",), 3),
        (tuple[str, ...] | str, ("a", 1), (1,), 1),
    ],
)
def test_what_is_foreign_within_is_found(annotation: Any, value: Any, path: tuple[Any, ...], foreign: Any) -> None:
    found = check_of(annotation)(value)
    assert found is not None
    assert found[:2] == (path, foreign)


def test_an_object_that_equals_a_word_is_not_the_word() -> None:
    @dataclass
    class Sly:
        def __eq__(self, other: object) -> bool:
            return True

    assert check_of(Literal["a"])(Sly()) is not None
