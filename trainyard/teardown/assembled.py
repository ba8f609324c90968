"""What a cloud assembly says of one environment: its stacks, their place, the tags of its resources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ml_contract.errors import reject
from trainyard.assembly.stacks import AssemblyStack, stacks

TAG = "environment"
"""The tag that says which environment a resource belongs to."""
MARKS = ("application", TAG)
"""Tags that together tell its resources from all others of an account; another app may have an environment so named."""


@dataclass(frozen=True, kw_only=True)
class Assembled:
    """One environment as it was synthesised."""

    name: str
    """In lower case."""
    account: str
    """Twelve digits."""
    region: str
    """For example ``us-east-1``."""
    stacks: Mapping[str, AssemblyStack]
    """Name in CloudFormation → stack."""
    tags: Mapping[str, str]
    """Of `MARKS`, what all of its tagged resources carry, ``{"environment": "local"}``; empty where none is."""

    @property
    def protected(self) -> bool:
        """Whether any of its stacks refuses to be deleted."""
        return any(each.protected for each in self.stacks.values())

    @property
    def prefix(self) -> str:
        """What the names of all its stacks start with, ``trainyard-local-``."""
        names = [name.split("-") for name in self.stacks]
        shared = 0
        while all(len(each) > shared + 1 and each[shared] == names[0][shared] for each in names):
            shared += 1
        return "".join(f"{part}-" for part in names[0][:shared])


def read(assembly: Path, name: str) -> Assembled:
    """The environment ``name`` of ``assembly``.

    Args:
        assembly: A cdk.out folder.
        name: First part of its stacks' ids, upper and lower case alike.

    Raises:
        ContractError: No assembly, no such environment, or one whose account, region or name the app leaves open.
    """
    everything = stacks(assembly)
    mine = [each for each in everything if _environment(each) == name.lower()]
    if not mine:
        known = ", ".join(sorted({_environment(each) for each in everything})) or "no stack"
        reject("ENV", name, f"no stack of {assembly} belongs to it", f"There are {known}.")
    places = {(each.account, each.region) for each in mine}
    account, region = next(iter(places))
    if len(places) > 1:
        reject("ENV", name, f"its stacks are in several places ({_places(places)})",
               "Tear one account and region down at a time, from an assembly of its own.")  # fmt: skip
    if account is None or region is None:
        reject("ENV", name, "the app leaves account or region open, so nothing tells which one is meant",
               "Give the stage an `env` with both, and synthesise again.")  # fmt: skip
    return Assembled(
        name=name.lower(),
        account=account,
        region=region,
        stacks={each.name: each for each in mine},
        tags=_shared_tags(mine),
    )


def _environment(stack: AssemblyStack) -> str:
    return stack.id.partition("/")[0].lower()


def _places(places: set[tuple[str | None, str | None]]) -> str:
    return ", ".join(sorted(f"{account}/{region}" for account, region in places))


def _shared_tags(mine: list[AssemblyStack]) -> dict[str, str]:
    """Marks that every tagged resource carries with one value."""
    found = [tags for stack in mine for tags in _tags(stack)]
    counts = Counter(pair for tags in found for pair in tags.items() if pair[0] in MARKS)
    return {key: value for (key, value), count in counts.items() if count == len(found)}


def _tags(stack: AssemblyStack) -> Iterator[dict[str, str]]:
    for resource in stack.template.get("Resources", {}).values():
        tags = tags_of(resource.get("Properties", {}))
        if tags:
            yield tags


def tags_of(properties: Mapping[str, object]) -> dict[str, str]:
    """Tags of a resource in a template whose keys and values are plain text, from either shape."""
    given = properties.get("Tags") if isinstance(properties, Mapping) else None
    if isinstance(given, Mapping):
        pairs = [(key, value) for key, value in given.items()]
    elif isinstance(given, list):
        pairs = [(each.get("Key"), each.get("Value")) for each in given if isinstance(each, Mapping)]
    else:
        return {}
    return {key: value for key, value in pairs if isinstance(key, str) and isinstance(value, str)}
