"""The stacks of a cloud assembly, those of nested stages included."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ml_contract.errors import reject


@dataclass(frozen=True, kw_only=True)
class AssemblyStack:
    """A stack as it was synthesised."""

    id: str
    """Hierarchical id that the CDK CLI selects by, for example ``Prod/Storage``."""
    name: str
    """Name in CloudFormation."""
    file: Path
    """The template's file."""
    account: str | None = None
    """Twelve digits; None where the app leaves it open."""
    region: str | None = None
    """For example ``us-east-1``; None where the app leaves it open."""
    protected: bool = False
    """Whether CloudFormation is told to refuse its deletion."""
    needs: tuple[str, ...] = ()
    """Names of the stacks that it is deployed after."""

    @cached_property
    def template(self) -> dict[str, Any]:
        """The template."""
        return dict(json.loads(self.file.read_text()))


def stacks(assembly: Path) -> list[AssemblyStack]:
    """All stacks of ``assembly``, in its order.

    Raises:
        ContractError: The folder holds no cloud assembly.
    """
    if not (assembly / "manifest.json").is_file():
        reject("assembly", str(assembly), "it holds no manifest.json", "Write one with `cdk synth --output FOLDER`.")
    return list(_below(assembly))


def select(assembly: Path, patterns: Sequence[str]) -> list[AssemblyStack]:
    """The stacks that match one of the patterns, in the order of the patterns.

    Args:
        assembly: A cdk.out folder.
        patterns: Stack names or hierarchical ids, with the CLI's wildcards: ``Local/**``, ``trainyard-local-*``.

    Raises:
        ContractError: No assembly there, or a pattern that matches no stack.
    """
    everything = stacks(assembly)
    chosen: dict[str, AssemblyStack] = {}
    for pattern in patterns:
        matching = [each for each in everything if any(fnmatch.fnmatchcase(x, pattern) for x in (each.name, each.id))]
        if not matching:
            known = ", ".join(each.id for each in everything)
            reject("stacks", pattern, "it matches no stack of the assembly", f"Its stacks are {known}.")
        chosen |= {each.id: each for each in matching}
    return list(chosen.values())


def _below(folder: Path) -> Iterator[AssemblyStack]:
    artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"]
    named = {
        key: each.get("properties", {}).get("stackName", key)
        for key, each in artifacts.items()
        if each["type"] == "aws:cloudformation:stack"
    }
    for key, artifact in artifacts.items():
        properties = artifact.get("properties", {})
        if artifact["type"] == "aws:cloudformation:stack":
            account, _, region = artifact.get("environment", "").removeprefix("aws://").partition("/")
            yield AssemblyStack(
                id=artifact.get("displayName", key).partition(" ")[0],
                name=properties.get("stackName", key),
                file=folder / properties["templateFile"],
                account=None if account.startswith("unknown") else account or None,
                region=None if region.startswith("unknown") else region or None,
                protected=properties.get("terminationProtection") is True,
                needs=tuple(named[each] for each in artifact.get("dependencies", ()) if each in named),
            )
        elif artifact["type"] == "cdk:cloud-assembly":
            yield from _below(folder / properties["directoryName"])
