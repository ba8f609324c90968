"""The stacks of a cloud assembly, those of nested stages included."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
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
    template: Path

    def read(self) -> dict[str, Any]:
        """The template."""
        return dict(json.loads(self.template.read_text()))


def stacks(assembly: Path) -> list[AssemblyStack]:
    """All stacks of ``assembly``.

    Raises:
        ContractError: The folder holds no cloud assembly.
    """
    if not (assembly / "manifest.json").is_file():
        reject("assembly", str(assembly), "it holds no manifest.json", "Write one with `cdk synth --output FOLDER`.")
    return list(_below(assembly))


def _below(folder: Path) -> Iterator[AssemblyStack]:
    manifest = json.loads((folder / "manifest.json").read_text())
    for key, artifact in manifest["artifacts"].items():
        properties = artifact.get("properties", {})
        if artifact["type"] == "aws:cloudformation:stack":
            yield AssemblyStack(
                id=artifact.get("displayName", key).partition(" ")[0],
                name=properties.get("stackName", key),
                template=folder / properties["templateFile"],
            )
        elif artifact["type"] == "cdk:cloud-assembly":
            yield from _below(folder / properties["directoryName"])
