"""Writes `taggable.json`, which CloudFormation types take tags, and in which property.

The package's users have no cfn-lint, so the few facts that the review needs are kept as data. After an upgrade of
cfn-lint (it reads 1,900 schemas, 20 s):

    .venv/bin/python -m constructs_lib.budgets.extract_taggable
"""

from __future__ import annotations

import importlib
import json
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("taggable.json")


def tag_property(schema: dict[str, Any]) -> str | None:
    """The top-level property that takes a type's tags; None where it takes none.

    Args:
        schema: Of the resource provider.
    """
    properties = schema.get("properties", {})
    tagging = schema.get("tagging")
    if tagging is None:
        # Older schemas say nothing of tagging.
        return "Tags" if "Tags" in properties else None
    if not tagging.get("taggable", True):
        return None
    name = tagging.get("tagProperty", "/properties/Tags").removeprefix("/properties/")
    return name if name in properties else None


def extract() -> dict[str, Any]:
    """The table: source, its date, and for each property the types that take tags there."""
    manager: Any = importlib.import_module("cfnlint.schema").PROVIDER_SCHEMA_MANAGER
    found: dict[str, list[str]] = {}
    for name in manager.get_resource_types("us-east-1"):
        if not name.startswith("AWS::"):
            continue
        try:
            schema = manager.get_resource_schema("us-east-1", name).schema
        except Exception:  # noqa: S112  (types of modules and of other regions have no schema here)
            continue
        takes = tag_property(schema)
        if takes is not None:
            found.setdefault(takes, []).append(name)
    read = json.loads((files("cfnlint.data.schemas") / "version.json").read_text())["schema_date"]
    return {
        "source": f"cfn-lint {version('cfn-lint')}, resource provider schemas",
        "date": read[:10],
        "types": {name: sorted(types) for name, types in sorted(found.items())},
    }


if __name__ == "__main__":
    TARGET.write_text(json.dumps(extract(), indent=0) + "\n")
