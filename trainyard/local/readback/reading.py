"""Holds deployed stacks against their templates, as a client."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from trainyard.assembly.stacks import select
from trainyard.local.readback.account import Account
from trainyard.local.readback.compare import as_map, difference, template_form
from trainyard.local.readback.deployed_stack import DeployedStack
from trainyard.local.readback.findings import Finding, ReadBack, Verdict
from trainyard.local.readback.readers import NOTHING_TO_READ, READERS, Clients, Reader


def read_back(assembly: Path, stacks: Sequence[str], session: Clients) -> ReadBack:
    """Compares every property of deployed stacks with what the services say.

    Args:
        assembly: The cloud assembly that was deployed (cdk.out).
        stacks: Stack names or CDK's hierarchical ids, with wildcards: `Local/**`.
        session: A boto3 session, or anything else with `client(service)`.

    Raises:
        ValueError: No assembly, a pattern without a stack, or a stack that is not deployed.
    """
    account = Account(session)
    deployed = [DeployedStack(stack=stack, account=account) for stack in select(assembly, stacks)]
    others = [pair for stack in deployed for pair in stack.resolved_pairs()]
    findings = [
        finding
        for stack in deployed
        for logical_id, row in stack.resources.items()
        for finding in _findings(stack, logical_id, row, others)
    ]
    return ReadBack(findings=findings, resources=sum(len(stack.resources) for stack in deployed))


def _findings(
    stack: DeployedStack, logical_id: str, row: Mapping[str, Any], others: Sequence[tuple[str, Mapping[str, Any]]]
) -> Iterator[Finding]:
    kind = row["Type"]

    def finding(name: str, expected: Any, actual: Any, verdict: Verdict, reason: str = "") -> Finding:
        return Finding(
            stack=stack.stack.name,
            logical_id=logical_id,
            type=kind,
            property=name,
            expected=expected,
            actual=actual,
            verdict=verdict,
            reason=reason,
        )

    if logical_id not in stack.physical_ids:
        yield finding("*", "deployed", "not in the stack", Verdict.DIFFERS)
        return
    if kind not in READERS:
        reason = NOTHING_TO_READ.get(kind, f"there is no reader for {kind}")
        yield finding("*", None, None, Verdict.NOT_READABLE, reason)
        return
    reader = READERS[kind]
    known, unknown = stack.properties(row)
    for name, reason in unknown.items():
        yield finding(name, None, None, Verdict.NOT_READABLE, reason)
    try:
        actual = reader.read(stack.deployed(logical_id, known, others))
    except (ClientError, IndexError) as error:
        yield finding("*", "deployed", f"the service does not show it: {error}", Verdict.DIFFERS)
        return
    for name, expected, found in _pairs(stack, reader, known, actual, set(unknown)):
        if name in reader.unread:
            yield finding(name, expected, None, Verdict.NOT_READABLE, reader.unread[name])
            continue
        path = difference(expected, found, name)
        yield finding(path or name, expected, found, Verdict.SAME if path is None else Verdict.DIFFERS)


def _pairs(
    stack: DeployedStack, reader: Reader, known: Mapping[str, Any], actual: Mapping[str, Any], skip: set[str]
) -> Iterator[tuple[str, Any, Any]]:
    """Property, what is expected, what was found: for all that is given, and for all that is not as it defaults."""
    for name in sorted({*known, *actual} - skip):
        if name == "Tags":
            expected = _tags(stack, known.get("Tags"), actual)
            if expected or actual.get("Tags"):
                yield name, expected, as_map(actual.get("Tags"))
            continue
        found = actual.get(name, reader.defaults.get(name))
        if name in known:
            yield name, template_form(name, known[name]), found
        elif name not in reader.chosen:
            default = reader.defaults.get(name)
            # Nothing there is the default of whatever has no other.
            empty = default is None and found in ([], {}, "", None)
            if not empty and difference(default, found) is not None:
                yield name, default, found


def _tags(stack: DeployedStack, given: Any, actual: Mapping[str, Any]) -> dict[str, str]:
    """The template's tags over the stack's own, where the type takes tags at all."""
    of_stack = {row["Key"]: row["Value"] for row in stack.description.get("Tags", [])}
    return {**(of_stack if "Tags" in actual else {}), **as_map(given)}
