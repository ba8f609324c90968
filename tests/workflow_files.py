"""Workflows and actions of .github, and the commands that their steps run."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of a job or of an action."""

    file: Path
    job: str
    definition: dict[str, Any]

    @property
    def name(self) -> str:
        return self.definition.get("name", self.definition.get("uses", "?"))

    @property
    def script(self) -> str:
        """What the shell runs; empty where the step uses an action."""
        return self.definition.get("run", "")

    def commands(self) -> Iterator[list[str]]:
        """Simple commands of the script, as words."""
        for line in self.script.replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&><")
            lexer.whitespace_split = True
            words: list[str] = []
            for word in lexer:
                if set(word) <= set(";|&><"):
                    yield words
                    words = []
                else:
                    words.append(word)
            yield words


def load(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text())


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    return load(file)["jobs"]


def steps() -> list[Step]:
    """Every step of every workflow and action."""
    found = [
        Step(file=file, job=name, definition=step)
        for file in WORKFLOWS
        for name, job in jobs(file).items()
        for step in job.get("steps", ())
    ]
    return found + [
        Step(file=file, job="", definition=step) for file in ACTIONS for step in load(file)["runs"]["steps"]
    ]


def script(file: str, name: str) -> str:
    """The script of the one step of a name in a file below .github."""
    (found,) = {step.script for step in steps() if step.file == GITHUB / file and step.name == name}
    return found
