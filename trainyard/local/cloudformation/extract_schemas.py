"""Writes `schemas.json`, what CloudFormation's own resource schemas say about the types that the cloud applies.

The cloud's environment has no cfn-lint, so the few facts it needs are kept as data. After an upgrade of cfn-lint:

    .venv/bin/python -m trainyard.local.cloudformation.extract_schemas
"""

import importlib
import json
from collections.abc import Iterable
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("schemas.json")


def _top(pointers: Iterable[str]) -> list[str]:
    """Names of top-level properties among JSON pointers such as `/properties/BucketName`."""
    names = [pointer.removeprefix("/properties/") for pointer in pointers]
    return sorted(name for name in names if "/" not in name)


def extract(types: Iterable[str]) -> dict[str, Any]:
    """The table: source, its date, and for each type its properties by what CloudFormation does with them."""
    schemas: Any = importlib.import_module("cfnlint.schema")
    folder = files("cfnlint.data.schemas")

    table = {}
    for name in sorted(types):
        schema = schemas.PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).schema
        table[name] = {
            "properties": sorted(schema["properties"]),
            "required": sorted(schema.get("required", [])),
            "create_only": _top(schema.get("createOnlyProperties", [])),
            "read_only": _top(schema.get("readOnlyProperties", [])),
        }
    read = json.loads((folder / "version.json").read_text())["schema_date"]
    return {"source": f"cfn-lint {version('cfn-lint')}, resource provider schemas", "date": read[:10], "types": table}


def main() -> None:
    """Writes the table again, for the types that it holds."""
    types = json.loads(TARGET.read_text())["types"]
    TARGET.write_text(json.dumps(extract(types), indent=1) + "\n")


if __name__ == "__main__":
    main()
