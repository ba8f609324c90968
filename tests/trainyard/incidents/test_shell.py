"""The shell of a runbook's commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trainyard.incidents.shell import Shell


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    monkeypatch.setenv("AWS_PROFILE", "of-the-caller")
    with Shell({"JOB": "a job"}) as opened:
        yield opened


def test_a_command_finds_what_is_given_and_what_earlier_ones_have_set(shell: Shell) -> None:
    assert shell.run('FOUND="<$JOB>"').status == 0
    assert shell.run('echo "$FOUND"').output == "<a job>"


def test_what_the_callers_shell_says_of_aws_does_not_reach_it(shell: Shell) -> None:
    assert shell.run('echo "${AWS_PROFILE:-nothing}"').output == "nothing"


@pytest.mark.parametrize("command", ["false", "false | cat", "X=$(false)", 'echo "$NOT_GIVEN"', "no-such-program"])
def test_a_command_that_fails_anywhere_has_failed(shell: Shell, command: str) -> None:
    assert shell.run(command).status != 0


def test_a_failure_keeps_what_was_set_before(shell: Shell) -> None:
    shell.run("KEPT=1; false")
    assert shell.run('echo "$KEPT"').output == "1"


def test_both_outputs_are_shown_as_they_came(shell: Shell) -> None:
    assert shell.run("echo one; echo two >&2; echo three").output == "one\ntwo\nthree"


@pytest.mark.slow
def test_a_command_that_does_not_end_is_ended(shell: Shell) -> None:
    ran = shell.run("echo begun; sleep 600", seconds=3)
    assert (ran.status, ran.output) == (124, "begun")
    assert ran.seconds < 300
