"""A refused value is one line per field: path, value, rule, way out."""

import subprocess
import sys
from abc import ABC, abstractmethod
from typing import Annotated, Literal

import pytest
from pydantic import Field, field_validator
from synthesis import ROOT

from constructs_lib.values import InvalidValue, Value


class Size(Value):
    """A size."""

    count: int = Field(ge=1, le=9)
    """Number of things."""


class Thing(Value):
    """A thing."""

    size: Size
    """How large it is."""
    kind: Literal["round", "square"] = "round"
    """Its shape."""
    names: tuple[Annotated[str, Field(pattern="^[A-Z]")], ...] = Field(default=("Thing",), min_length=1)
    """What it is called."""


def message(**fields: object) -> str:
    with pytest.raises(InvalidValue) as caught:
        Thing(**fields)
    return str(caught.value)


def test_an_unknown_field_names_the_one_that_was_meant() -> None:
    assert message(size=Size(count=1), knd="round") == (
        "Thing.knd: got 'round', but Thing has no such field. Did you mean kind?"
    )


def test_a_missing_field_says_what_it_is_for() -> None:
    assert message() == ("Thing.size: got None, but it has no default and must be given. Give size: How large it is.")


def test_a_wrong_type_is_not_converted() -> None:
    with pytest.raises(InvalidValue, match=r"^Size.count: got '2', but it must be a valid integer. Give count: Number"):
        Size(count="2")


def test_a_list_is_no_tuple() -> None:
    assert message(size=Size(count=1), names=["a"]).startswith("Thing.names: got ['a'], but it must be a valid tuple.")


def test_a_value_out_of_range_names_the_range() -> None:
    with pytest.raises(InvalidValue, match=r"^Size.count: got 10, but it must be at most 9\. Give count: Number of"):
        Size(count=10)


def test_a_choice_names_the_choices() -> None:
    assert message(size=Size(count=1), kind="oval").startswith(
        "Thing.kind: got 'oval', but it must be one of 'round' or 'square'. Give kind: Its shape."
    )


@pytest.mark.parametrize("size", [{"count": 1}, {"count": 0}, "large", Size])
def test_a_nested_value_is_built_by_its_class(size: object) -> None:
    assert message(size=size) == f"Thing.size: got {size!r}, but it must be a Size. Give size: How large it is."


class Box(Value):
    """A value that a validator builds."""

    size: Size

    @field_validator("size", mode="before")
    @classmethod
    def _of_a_number(cls, value: object) -> object:
        return Size(count=value) if isinstance(value, int) else value


def test_a_nested_value_is_named_by_its_path() -> None:
    with pytest.raises(InvalidValue, match=r"^Box\.size\.count: got 0, but it must be at least 1\."):
        Box(size=0)


class Closed(Value, ABC):
    """An extension point."""

    @abstractmethod
    def close(self) -> None: ...


class Lid(Closed):
    """A kind of it."""

    def close(self) -> None: ...


class Jar(Value):
    """What has one of its kinds."""

    closed: Closed
    """How it is closed."""
    turns: Literal[1, 2] = 1
    """How often."""


def test_a_kind_of_an_extension_point_is_taken_and_nothing_else() -> None:
    assert isinstance(Jar(closed=Lid()).closed, Lid)
    for foreign in ({}, "lid", None, Lid):
        with pytest.raises(InvalidValue, match=r"^Jar\.closed: got .*, but it must be a Closed\. Give closed: How"):
            Jar(closed=foreign)


@pytest.mark.parametrize("turns", [True, 1.0, "1"])
def test_what_equals_a_word_is_not_the_word(turns: object) -> None:
    with pytest.raises(InvalidValue, match=r"^Jar\.turns: got .*, but it must be one of 1 or 2\. Give turns: How"):
        Jar(closed=Lid(), turns=turns)


def test_what_follows_from_another_problem_has_no_line() -> None:
    assert message(size=Size(count=1), names=("thing",)).count("Thing.names") == 1


def test_every_problem_has_its_line() -> None:
    lines = message(kind="oval", colour="red").splitlines()
    assert [line.split(":")[0] for line in lines] == ["Thing.size", "Thing.kind", "Thing.colour"]


def test_a_value_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Size(count=1).count = 2


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)


def test_a_refused_value_ends_an_app_with_one_line_and_status_1() -> None:
    ended = run(
        "from constructs_lib.values import Value, explained\n"
        "class Size(Value):\n"
        "    count: int\n"
        "with explained():\n"
        "    Size(count='two')\n"
    )
    assert ended.returncode == 1
    assert ended.stderr == "Size.count: got 'two', but it must be a valid integer. Give another count.\n"


def test_what_is_no_refusal_keeps_its_traceback() -> None:
    ended = run("from constructs_lib.values import explained\nwith explained():\n    raise RuntimeError('ours')\n")
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
