"""What a person must type before anything is deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ml_contract.errors import reject
from trainyard.teardown.plan import LOGS, holds_data, records
from trainyard.teardown.survey import Survey

UNPROTECT = "unprotect"
"""The word for an environment whose stacks refuse to be deleted."""


def typed(survey: Survey, ask: Callable[[str], str], say: Callable[[str], None], *, keep_data: bool) -> frozenset[str]:
    """Ask for each word; what is not typed as it stands is kept.

    Args:
        survey: What there is.
        ask: Shows a question and gives what was typed.
        say: Shows a line.
        keep_data: Ask for the environment alone.

    Returns:
        What may go.

    Raises:
        ContractError: The environment was not named, or its protection not.
    """
    name = survey.environment.name
    _name(name, ask(f"Type the name of the environment to delete it ({name})"))
    if survey.protected:
        _unprotect(name, ask(f"{name} is protected. Type {UNPROTECT} to take that off"))
    go = set()
    for word in () if keep_data else holds_data(survey):
        if ask(f"{_question(survey, word)} Type {word} to lose it, nothing to keep it").strip() == word:
            go.add(word)
        else:
            say(f"  {word} is kept")
    return frozenset(go)


def given(survey: Survey, words: Sequence[str], *, keep_data: bool) -> frozenset[str]:
    """What may go by the words of ``--confirm``.

    Raises:
        ContractError: A word is missing, or names nothing.
    """
    name, data = survey.environment.name, holds_data(survey)
    _name(name, words[0] if name not in words else name)
    if survey.protected:
        _unprotect(name, UNPROTECT if UNPROTECT in words else "")
    unknown = [each for each in words if each not in (name, UNPROTECT, *data)]
    if unknown:
        reject("--confirm", unknown[0], f"nothing that holds data in {name} has this name",
               f"There are {', '.join(data) or 'none'}.")  # fmt: skip
    go = frozenset(words) & frozenset(data)
    missing = [each for each in data if each not in go]
    if missing and not keep_data:
        reject("--confirm", ", ".join(words), f"{len(missing)} more hold data and are not named: {', '.join(missing)}",
               "Name each with --confirm, or keep what you do not name with --keep-data.")  # fmt: skip
    return go


def _name(name: str, answer: str) -> None:
    if answer.strip() != name:
        reject("confirmation", answer, f"the environment is {name}", "Nothing was deleted; type its name.")


def _unprotect(name: str, answer: str) -> None:
    if answer.strip() != UNPROTECT:
        reject("confirmation", answer, f"{name} is protected: its stacks refuse to be deleted",
               f"Nothing was deleted; add the word {UNPROTECT} if it is really meant.")  # fmt: skip


def _question(survey: Survey, word: str) -> str:
    if word == LOGS:
        found = records(survey)
        return f"{len(found)} records of work: {', '.join(found)}."
    for held in survey.held:
        if held.name == word:
            return f"{held.what} of {held.stack or 'a stack that is gone'}: {held.contents.says}."
    return next(f"{each.what}: {each.why}." for each in survey.strays if each.name_typed == word)
