"""What must be typed, and what comes of what is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ml_contract.errors import ContractError
from tests.trainyard.teardown import scenes
from trainyard.teardown import words
from trainyard.teardown.strays import When
from trainyard.teardown.survey import Survey

SURVEY = scenes.survey(
    [scenes.stack("s")],
    held=[scenes.held(scenes.BUCKET, "data", "s"), scenes.held(scenes.LOGS, "/logs/a", "s"),
          scenes.held(scenes.KEY, "key1", "s"), scenes.held(scenes.BUCKET, "empty", "s", data=False)],
    strays=[scenes.beside("log group /aws/b", When.LAST, record=True)],
)  # fmt: skip
PROTECTED = scenes.survey([scenes.stack("s", protected=True)])


def _typed(survey: Survey, *answers: str, keep_data: bool = False) -> frozenset[str]:
    given: Iterator[str] = iter(answers)
    return words.typed(survey, lambda _question: next(given), lambda _line: None, keep_data=keep_data)


def test_what_is_typed_as_it_stands_goes_and_the_rest_is_kept() -> None:
    assert _typed(SURVEY, "local", "data", "yes", "") == {"data"}


def test_one_word_is_about_all_records() -> None:
    assert _typed(SURVEY, "local", "", "", "logs") == {"logs"}


def test_who_keeps_data_is_asked_for_the_environment_alone() -> None:
    assert _typed(SURVEY, "local", keep_data=True) == frozenset()


@pytest.mark.parametrize("answer", ["", "prod", "LOCAL", "y"])
def test_another_name_than_the_environments_ends_it(answer: str) -> None:
    with pytest.raises(ContractError, match=r"the environment is local\. Nothing was deleted"):
        _typed(SURVEY, answer)


def test_a_protected_environment_wants_a_second_word() -> None:
    with pytest.raises(ContractError, match=r"local is protected.*add the word unprotect"):
        _typed(PROTECTED, "local", "local")
    assert _typed(PROTECTED, "local", "unprotect") == frozenset()


def test_confirm_must_name_everything_with_data() -> None:
    with pytest.raises(ContractError, match="2 more hold data and are not named: key1, logs"):
        words.given(SURVEY, ["local", "data"], keep_data=False)


def test_confirm_with_keep_data_keeps_what_it_does_not_name() -> None:
    assert words.given(SURVEY, ["local", "key1"], keep_data=True) == {"key1"}


def test_confirm_names_nothing_that_is_not_there() -> None:
    with pytest.raises(ContractError, match=r"--confirm: got 'dat'.*There are data, key1, logs"):
        words.given(SURVEY, ["local", "dat"], keep_data=True)


def test_confirm_alone_does_not_take_protection_off() -> None:
    with pytest.raises(ContractError, match="is protected"):
        words.given(PROTECTED, ["local"], keep_data=True)
