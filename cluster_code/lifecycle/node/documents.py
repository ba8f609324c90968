"""The documents that a node has: lifecycle.json beside the scripts, and HyperPod's resource_config.json."""

from __future__ import annotations

import json
import os

from .shape import LIFECYCLE, RESOURCES, Refused, check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 1
SCRIPTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def configuration() -> dict[str, Any]:
    """lifecycle.json without its version.

    Raises:
        Refused: It cannot be read, is of another version, or a field is missing, unknown or of another type.
    """
    document: dict[str, Any]
    try:
        document = load(os.path.join(SCRIPTS, "lifecycle.json"))
        version = document.pop("version", None) if isinstance(document, dict) else None
        if version != VERSION:
            raise Refused(f"version: got {version!r:.60}, but these scripts read version {VERSION}")
        check(document, LIFECYCLE, "")
    except Refused as refused:
        raise Refused(f"lifecycle.json: {refused}") from None
    return document


def resources() -> dict[str, Any]:
    """resource_config.json; a group without nodes has an empty list of them.

    Raises:
        Refused: It cannot be read, or what is needed of it is missing or of another type.
    """
    path = os.environ.get("SAGEMAKER_RESOURCE_CONFIG_PATH") or "/opt/ml/config/resource_config.json"
    document: dict[str, Any]
    try:
        document = load(path)
        for group in without_instances(document):
            group["Instances"] = None
        check(document, RESOURCES, "", more=True)
    except Refused as refused:
        raise Refused(f"{path}: {refused}") from None
    for group in document["InstanceGroups"]:
        group["Instances"] = group["Instances"] or []
    return document


def without_instances(document: Any) -> list[dict[str, Any]]:
    groups = document.get("InstanceGroups") if isinstance(document, dict) else None
    return [
        group
        for group in (groups if isinstance(groups, list) else [])
        if isinstance(group, dict) and "Instances" not in group
    ]


def load(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        # Half a pair of UTF-16 is JSON, and nothing that could be written anywhere.
        json.dumps(document, ensure_ascii=False).encode()
    except OSError as error:
        raise Refused(f"it cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise Refused(f"it is no JSON ({str(error).splitlines()[0]})") from None
    return document
