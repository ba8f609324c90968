"""Commands of runbooks, also of those that nobody plays: each program, operation and option exists."""

from __future__ import annotations

import functools
import re
from typing import Any

import botocore.session
import pytest
import typer
from botocore import xform_name

from trainyard.cli.app import app
from trainyard.incidents.runbook import FOLDER, Runbook

PAGES = sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != "README")
GLOBAL = {"--query", "--output", "--region", "--max-items", "--no-paginate", "--no-cli-pager", "--cli-input-json"}
"""Options of the AWS CLI itself."""
CUSTOM = {"cloudformation deploy", "logs tail", "s3 cp", "s3 ls", "s3 rm", "s3 sync"}
"""Commands of the AWS CLI that are no operation of a service."""


@functools.cache
def commands() -> Any:
    """All of `trainyard`."""
    return typer.main.get_command(app)


@functools.cache
def model(service: str) -> Any:
    """A service as botocore knows it."""
    return botocore.session.get_session().get_service_model(service)


def calls(page: str, program: str) -> list[list[str]]:
    """Words of each call of a program, wherever in a command it stands."""
    texts = [text for command in Runbook.read(page).commands for text in _apart(command)]
    simple = [part.split() for text in texts for part in re.split(r"[|;&()]+|\bdo\b|\bif\b", text)]
    return [words[1:] for words in simple if words and words[0] == program]


def _apart(command: str) -> list[str]:
    """A command and what it substitutes, each without the others; quoted words hold no space afterwards."""
    text = re.sub(r"'[^']*'", "Q", command.replace("\\\n", " "))
    text = re.sub(r"^\w+=(?=\$\()", "", text)
    found = []
    while match := re.search(r"\$\(([^()]*)\)", text):
        found.append(match[1])
        text = text[: match.start()] + "S" + text[match.end() :]
    return [re.sub(r'"[^"]*"', "Q", part) for part in (*found, text)]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_trainyard_exists_with_its_options(page: str) -> None:
    for words in calls(page, "trainyard"):
        command = commands()
        rest = list(words)
        while hasattr(command, "commands"):
            assert rest, f"{words}: no command"
            name = rest.pop(0)
            assert name in command.commands, f"{words}: there is no {name}"
            command = command.commands[name]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word.partition("=")[0] for word in rest if word.startswith("-")} <= known, words


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_aws_is_an_operation_with_its_members(page: str) -> None:
    for words in calls(page, "aws"):
        service, command, *rest = words
        if f"{service} {command}" in CUSTOM:
            continue
        api = model({"s3api": "s3"}.get(service, service))
        operations = {xform_name(name, "-"): name for name in api.operation_names}
        assert command in operations, f"aws {service} {command}"
        shape = api.operation_model(operations[command]).input_shape
        members = {f"--{xform_name(name, '-')}" for name in (shape.members if shape else ())}
        given = {word for word in rest if word.startswith("--")}
        assert given - GLOBAL <= members | {f"--no-{name[2:]}" for name in members}, f"aws {service} {command}"
        wanted = {f"--{xform_name(name, '-')}" for name in (shape.required_members if shape else ())
                  if not shape.members[name].metadata.get("idempotencyToken")}  # fmt: skip
        assert wanted <= given | GLOBAL, f"aws {service} {command}: wants {sorted(wanted - given)}"


def test_the_pages_hold_calls_of_both() -> None:
    assert sum(len(calls(page, "trainyard")) for page in PAGES) > 10
    assert sum(len(calls(page, "aws")) for page in PAGES) > 10
