"""What AWS says about its actions: which know resources, and which condition keys they carry.

Source and date stand in ``reference.json``; ``extract_reference.py`` writes it.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from ml_contract.errors import reject


@dataclass(frozen=True, kw_only=True)
class Service:
    """The actions of one service, by their names without prefix."""

    on_resources: frozenset[str]
    """Those that a statement can limit to resources."""
    on_everything: frozenset[str]
    """Those that know no resource: a statement must say ``*``."""
    keys: dict[str, frozenset[str]]
    """Condition keys of the service by name, each with the actions that carry it; of SageMaker alone."""


@functools.cache
def service(prefix: str) -> Service | None:
    """What is known of a service, or ``None`` for one that the table lacks."""
    found = _table()["services"].get(prefix)
    if found is None:
        return None
    return Service(
        on_resources=frozenset(found["on_resources"]),
        on_everything=frozenset(found["on_everything"]),
        keys={name: frozenset(key["actions"]) for name, key in found.get("keys", {}).items()},
    )


def everything(prefix: str) -> frozenset[str]:
    """All actions of a service of the table, without prefix."""
    found = service(prefix)
    return found.on_resources | found.on_everything if found else frozenset()


def carrying(key: str, *actions: str) -> list[str]:
    """Those of SageMaker's ``actions`` whose requests carry a condition key, with their prefix, sorted.

    Args:
        key: For example ``sagemaker:VpcSubnets``.
        actions: Names without prefix.

    Raises:
        ContractError: The key is none of SageMaker's, or none of the actions carries it.
    """
    sagemaker = service("sagemaker")
    found = sagemaker.keys.get(key, frozenset()) if sagemaker else frozenset()
    chosen = sorted(f"sagemaker:{name}" for name in found.intersection(actions))
    if not chosen:
        reject("key", key, f"none of {', '.join(actions)} carries it", "Look it up in reference.json.")
    return chosen


@functools.cache
def _table() -> dict[str, Any]:
    text = files(__package__).joinpath("reference.json").read_text()
    return dict(json.loads(text))
