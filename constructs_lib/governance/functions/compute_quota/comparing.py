"""A request as it was deployed beside what SageMaker describes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

Document = dict[str, Any]

_INTEGERS = frozenset({"Count", "Accelerators", "BorrowLimit", "FairShareWeight"})
_NUMBERS = frozenset({"VCpu", "MemoryInGiB"})
_STAMP = "Deployed by CloudFormation: "
_WHAT_MAY_CHANGE = ("Description", "ComputeQuotaConfig", "ComputeQuotaTarget", "ActivationState")
"""Members of UpdateComputeQuota, SageMaker API reference, read 2026-11-22."""


def typed(value: Any, name: str = "") -> Any:
    """``value`` with its numbers as numbers: CloudFormation hands every scalar of a custom resource on as text."""
    if isinstance(value, Mapping):
        return {key: typed(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner, name) for inner in value]
    if name in _INTEGERS:
        return int(value)
    return float(value) if name in _NUMBERS else value


def stamped(request: Document) -> Document:
    """A request whose quota says, in its description, from which deployment it is."""
    text = json.dumps({**request, "Description": ""}, sort_keys=True)
    return {**request, "Description": f"{_STAMP}{hashlib.sha256(text.encode()).hexdigest()[:16]}"}


def is_of_another_deployment(request: Document, found: Document) -> bool:
    """Whether a quota was deployed with other values than ``request``, which is then out of date: a deployment is
    under way. What somebody changes by hand keeps its stamp, or has none."""
    stamp = found.get("Description") or ""
    return stamp.startswith(_STAMP) and stamp != request["Description"]


def changeable(request: Mapping[str, Any]) -> Document:
    """What an update of the quota sends, out of the request that made it."""
    return {name: request[name] for name in _WHAT_MAY_CHANGE if name in request}


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Paths where ``found`` is not what ``wanted`` says, each with both values.

    What SageMaker adds to what was asked, as the vCPUs that go with accelerators, is no difference.
    """
    return [f"{path}: {seen!r} instead of {asked!r}" for path, asked, seen in _differing(wanted, found, "")]


def _differing(wanted: Any, found: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name, value in wanted.items():
            yield from _differing(value, found.get(name), f"{path}.{name}".lstrip("."))
    elif isinstance(wanted, list) and isinstance(found, list):
        # Rows of instance types come back in any order.
        left, right = _by_type(wanted), _by_type(found)
        for kind in sorted(left.keys() | right.keys()):
            yield from _differing(left.get(kind), right.get(kind), f"{path}[{kind}]")
    elif wanted != found:
        yield path, wanted, found


def _by_type(rows: list[Any]) -> Document:
    """Rows by instance type, and by the kind of partition where a type has several."""
    return {" ".join(filter(None, [row["InstanceType"], row.get("AcceleratorPartition", {}).get("Type")])): row
            for row in rows}  # fmt: skip
