"""Conditions of a statement: operators over the keys that a request carries.

Sources, read 2026-11-22: "IAM JSON policy elements: Condition operators", "Set operators for multivalued context keys"
and "Conditions with multiple context keys or values", IAM User Guide. Operators and keys are ANDed; values of an
affirmative operator are ORed, of a negated one NORed; a key that the request lacks fails an affirmative operator and
meets a negated one; ``IfExists`` meets it; ``ForAllValues`` holds for no value, ``ForAnyValue`` does not.
"""

from __future__ import annotations

import ipaddress
import operator as compare
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from ml_contract.errors import reject
from trainyard.policies.matching import arn_like, like

Keys = Mapping[str, str | Sequence[str]]
"""Values of a request's condition keys, by names in lower case; a multivalued key has a sequence."""
Test = Callable[[str, str], bool]


def _numeric(test: Callable[[float, float], bool]) -> Test:
    def holds(given: str, wanted: str) -> bool:
        try:
            return test(float(given), float(wanted))
        except ValueError:
            return False

    return holds


def _dated(test: Callable[[datetime, datetime], bool]) -> Test:
    def holds(given: str, wanted: str) -> bool:
        try:
            return test(_moment(given), _moment(wanted))
        except ValueError:
            return False

    return holds


def _moment(text: str) -> datetime:
    if text.isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _address(given: str, wanted: str) -> bool:
    try:
        return ipaddress.ip_address(given) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


_AFFIRMATIVE: dict[str, Test] = {
    "StringEquals": compare.eq,
    "StringEqualsIgnoreCase": lambda given, wanted: given.lower() == wanted.lower(),
    "StringLike": lambda given, wanted: like(wanted, given),
    "NumericEquals": _numeric(compare.eq),
    "NumericLessThan": _numeric(compare.lt),
    "NumericLessThanEquals": _numeric(compare.le),
    "NumericGreaterThan": _numeric(compare.gt),
    "NumericGreaterThanEquals": _numeric(compare.ge),
    "DateEquals": _dated(compare.eq),
    "DateLessThan": _dated(compare.lt),
    "DateLessThanEquals": _dated(compare.le),
    "DateGreaterThan": _dated(compare.gt),
    "DateGreaterThanEquals": _dated(compare.ge),
    "Bool": lambda given, wanted: given.lower() == wanted.lower(),
    "BinaryEquals": compare.eq,
    "IpAddress": _address,
    "ArnEquals": lambda given, wanted: arn_like(wanted, given),
    "ArnLike": lambda given, wanted: arn_like(wanted, given),
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}
_SETS = ("ForAllValues", "ForAnyValue")


def check_operator(written: str, where: str) -> str:
    """The operator, if IAM has it.

    Raises:
        ContractError: It has none of this name.
    """
    which, _, name = written.rpartition(":")
    base = name.removesuffix("IfExists")
    known = base in _AFFIRMATIVE or base in _NEGATED or (name == "Null" and not which)
    if not known or (which and which not in _SETS):
        reject(where, written, "IAM has no such condition operator", "Write one such as StringEquals or ArnLike.")
    return written


def met(conditions: Mapping[str, Mapping[str, Sequence[str]]], keys: Keys) -> bool:
    """Whether a request's ``keys`` meet all of ``conditions``; names of keys are compared without case."""
    return all(
        _holds(written, keys.get(key.lower()), values, keys)
        for written, wanted in conditions.items()
        for key, values in wanted.items()
    )


def _holds(written: str, given: str | Sequence[str] | None, wanted: Sequence[str], keys: Keys) -> bool:
    if written == "Null":
        return any((given is None) == (value.lower() == "true") for value in wanted)
    which, _, name = written.rpartition(":")
    base = name.removesuffix("IfExists")
    negated = base in _NEGATED
    if given is None:
        return base != name or which == "ForAllValues" or (negated and not which)
    test = _AFFIRMATIVE[_NEGATED.get(base, base)]

    def fits(value: str) -> bool:
        return any(test(value, _filled(each, keys)) for each in wanted) != negated

    if not which:
        # An operator for one value has nothing to compare where a key has several.
        return fits(given) if isinstance(given, str) else negated
    values = [given] if isinstance(given, str) else list(given)
    return (all if which == "ForAllValues" else any)(map(fits, values))


def _filled(text: str, keys: Keys) -> str:
    """``text`` with its policy variables replaced by single values of the request.

    Source: "IAM policy elements: Variables and tags": a variable without a value matches nothing.
    """
    if "${" not in text:
        return text
    for literal in "*?$":
        text = text.replace(f"${{{literal}}}", f"\0{ord(literal)}\0")
    while "${" in text:
        before, _, rest = text.partition("${")
        name, _, after = rest.partition("}")
        value = keys.get(name.lower())
        text = f"{before}{value if isinstance(value, str) else chr(1)}{after}"
    for literal in "*?$":
        text = text.replace(f"\0{ord(literal)}\0", literal)
    return text
