"""Names in an expression of PromQL."""

from __future__ import annotations

import re

from constructs_lib.observability.exporters import KNOWN
from ml_contract.errors import reject

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_METRIC = re.compile(r"(?<![\w$:])([a-zA-Z_][a-zA-Z0-9_:]*)\s*(?=[{\[])")
_PAIRS = {")": "(", "]": "[", "}": "{"}


def check(expression: str, *, field: str, known: frozenset[str] = frozenset()) -> str:
    """Refuse an expression whose brackets do not match, or that selects from a metric that nobody publishes.

    A metric is written with its selector, as ``up{cluster="c"}``: a bare word could be a label as well.

    Args:
        expression: The expression.
        field: Name of the user's field, for the error.
        known: Metrics beside those of the exporters: what recording rules make.

    Raises:
        ContractError: With the metric, or the bracket.
    """
    bare = _QUOTED.sub('""', expression)
    opened: list[str] = []
    for letter in bare:
        if letter in _PAIRS.values():
            opened.append(letter)
        elif letter in _PAIRS and (not opened or opened.pop() != _PAIRS[letter]):
            reject(field, expression, f"{letter!r} closes nothing", "Match the brackets.")
    if opened:
        reject(field, expression, f"{opened[-1]!r} stays open", "Match the brackets.")
    found = _METRIC.findall(bare)
    if not found:
        reject(field, expression, "it selects from no metric", 'Write a metric with its selector, as up{job="node"}.')
    for name in found:
        if name not in KNOWN | known:
            reject(field, name, "no exporter publishes this metric",
                   "Take one of constructs_lib.observability.exporters, or add it there with its source.")  # fmt: skip
    return expression
