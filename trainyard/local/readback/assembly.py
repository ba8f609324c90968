"""The stacks of a cloud assembly: what CDK wrote into cdk.out."""

import fnmatch
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class AssemblyStack:
    """A stack as it was synthesised."""

    name: str
    """CloudFormation's name of it."""
    path: str
    """CDK's hierarchical id, e.g. `Local/Network`."""
    template: dict[str, Any]
    """Its template."""


def _stacks(folder: Path) -> Iterator[AssemblyStack]:
    manifest = json.loads((folder / "manifest.json").read_text())
    for key, artifact in manifest.get("artifacts", {}).items():
        properties = artifact.get("properties", {})
        if artifact["type"] == "cdk:cloud-assembly":
            yield from _stacks(folder / properties["directoryName"])
        elif artifact["type"] == "aws:cloudformation:stack":
            yield AssemblyStack(
                name=properties.get("stackName", key),
                path=artifact.get("displayName", key).split(" ")[0],
                template=json.loads((folder / properties["templateFile"]).read_text()),
            )


def select(assembly: Path, patterns: Sequence[str]) -> list[AssemblyStack]:
    """The assembly's stacks that match one of the patterns, in the assembly's order.

    Args:
        assembly: A cdk.out folder.
        patterns: Stack names or CDK's hierarchical ids, with the CLI's wildcards: `Local/**`, `trainyard-local-*`.

    Raises:
        ValueError: No assembly there, or a pattern that matches no stack.
    """
    if not (assembly / "manifest.json").is_file():
        raise ValueError(f"assembly: got {str(assembly)!r}, but there is no manifest.json. Run `cdk synth` first.")
    everything = list(_stacks(assembly))
    chosen: list[AssemblyStack] = []
    for pattern in patterns:
        matching = [s for s in everything if any(fnmatch.fnmatchcase(name, pattern) for name in (s.name, s.path))]
        if not matching:
            names = ", ".join(stack.path for stack in everything)
            raise ValueError(f"stacks: got {pattern!r}, but it matches no stack of the assembly. Stacks: {names}.")
        chosen += [stack for stack in matching if stack not in chosen]
    return chosen
