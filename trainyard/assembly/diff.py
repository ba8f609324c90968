"""What a change does to the templates: for a pull request's comment, and to stop what destroys."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainyard.assembly.stacks import AssemblyStack, stacks
from trainyard.local.cloud import ROOT, CloudError

_DESTRUCTIVE = re.compile(r"^ +(?P<stack>\S+) .*: (?P<what>\S+ \S+ (?:will|may) be (?:destroyed|replaced|orphaned).*)$")
_LIMIT = 60000
"""A GitHub comment holds 65,536 characters."""


@dataclass(frozen=True, kw_only=True)
class StackDiff:
    """How one stack differs."""

    stack: str
    """Its id."""
    text: str
    """The CDK CLI's difference; empty where nothing changes."""
    destructive: tuple[str, ...]
    """Resources that are destroyed or replaced, one sentence each."""


def compare(base: Path, head: Path, only: Sequence[str] = ("*",)) -> list[StackDiff]:
    """Hold every stack of ``head`` against the one of the same id in ``base``; a stack that is gone is destroyed.

    Args:
        base: Assembly of the branch that is merged into.
        head: Assembly of the change.
        only: Shell patterns of stack ids.

    Raises:
        CloudError: The CDK CLI is missing or fails.
    """
    before = {stack.id: stack for stack in stacks(base) if _matches(stack.id, only)}
    after = {stack.id: stack for stack in stacks(head) if _matches(stack.id, only)}
    found = []
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.template.json"
        empty.write_text('{"Resources": {}}')
        for name in after:
            template = before[name].file if name in before else empty
            found.append(_diff(head, name, template))
    found += [_gone(stack) for name, stack in before.items() if name not in after]
    return found


def markdown(differences: Sequence[StackDiff]) -> str:
    """A comment for a pull request."""
    destructive = [f"- `{each.stack}`: {what}" for each in differences for what in each.destructive]
    changed = [each for each in differences if each.text]
    parts = ["### What this change does to the stacks", ""]
    if destructive:
        parts += ["**Destructive.** These resources would be destroyed or replaced:", "", *destructive, ""]
    if not changed:
        parts += ["No template changes."]
    for each in changed:
        parts += [
            f"<details><summary><code>{each.stack}</code></summary>",
            "",
            "```",
            each.text,
            "```",
            "</details>",
            "",
        ]
    text = "\n".join(parts)
    return text if len(text) <= _LIMIT else text[:_LIMIT] + "\n```\n…cut: run `trainyard diff` for all of it\n"


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _diff(head: Path, stack: str, template: Path) -> StackDiff:
    cli = shutil.which("cdk") or shutil.which("cdk", path=str(ROOT / "node_modules" / ".bin"))
    if cli is None:
        raise CloudError("the CDK CLI is not installed. Run `make setup`")
    done = subprocess.run(
        [cli, "diff", "--app", str(head), stack, "--exclusively", "--template", str(template),
         "--fail-on", "destructive", "--ignore-errors", "--no-notices", "--no-color"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    destructive = tuple(match["what"] for match in map(_DESTRUCTIVE.match, output.splitlines()) if match)
    if done.returncode != 0 and not destructive:
        raise CloudError(f"cdk diff {stack}: {output.strip().splitlines()[-1] if output.strip() else 'no output'}")
    body = output.split("✨", 1)[0].strip()
    return StackDiff(stack=stack, text="" if "There were no differences" in body else body, destructive=destructive)


def _gone(stack: AssemblyStack) -> StackDiff:
    resources = stack.template.get("Resources", {})
    destroyed = tuple(f"{found['Type']} {name} will be destroyed with its stack" for name, found in resources.items())
    return StackDiff(stack=stack.id, text=f"Stack {stack.id} ({stack.name}) is gone", destructive=destroyed)
