"""SEARCH expressions: which metrics they find, and what each is called among the others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainyard.local.hooks.metric_data.refused import Refused

_SEARCH = re.compile(r"SEARCH\(\s*'\s*\{([^}]*)\}\s*(.*?)\s*'\s*,\s*'([^']+)'\s*(?:,\s*(\d+)\s*)?\)")
_TERM = re.compile(r'(?:([\w.]+)=)?("[^"]*"|[^\s()"]+)(?:\s+|$)')
_TOKENS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")


@dataclass(frozen=True, kw_only=True)
class Search:
    """One search."""

    namespace: str
    dimensions: tuple[str, ...]
    """Names of exactly the dimensions that a metric must have."""
    terms: Sequence[tuple[str | None, str]]
    """What must be there: designator or none, and a word, in quotes where it is the whole value."""
    statistic: str
    period: int | None
    """In seconds; None where the expression leaves it to the query."""

    @classmethod
    def parse(cls, text: str) -> Search:
        """Reads an expression.

        Raises:
            Refused: It is none, or searches for alternatives.
        """
        match = _SEARCH.fullmatch(text.strip())
        if match is None:
            raise Refused(f"Expression: {text!r} is no SEARCH('{{namespace,dimensions}} terms', 'statistic')")
        schema, terms, statistic, period = match.groups()
        namespace, *dimensions = (part.strip().strip('"') for part in schema.split(","))
        return cls(
            namespace=namespace, dimensions=tuple(dimensions), terms=_terms(terms), statistic=statistic,
            period=int(period) if period else None,
        )  # fmt: skip

    def finds(self, namespace: str, name: str, dimensions: Mapping[str, str]) -> bool:
        """Whether it finds a metric."""
        return (
            namespace == self.namespace
            and set(dimensions) == set(self.dimensions)
            and _matches(self.terms, name, dimensions)
        )


def labels(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """What rows differ in; all values but the metric's name where there is one alone."""
    if len(rows) == 1:
        return [" ".join(rows[0][1:])]
    kept = [number for number, column in enumerate(zip(*rows, strict=True)) if len(set(column)) > 1]
    return [" ".join(row[number] for number in kept) for row in rows]


def _terms(text: str) -> list[tuple[str | None, str]]:
    """What a search asks for: designator or none, and a word, in quotes where it is the whole value."""
    found, at = [], 0
    while at < len(text):
        match = _TERM.match(text, at)
        if match is None or match[2] in ("OR", "NOT"):
            raise Refused(f"Expression: the embedded cloud searches for words that all must be there, got {text!r}")
        if match[2] != "AND":
            found.append((match[1], match[2]))
        at = match.end()
    return found


def _matches(wanted: Sequence[tuple[str | None, str]], name: str, dimensions: Mapping[str, str]) -> bool:
    values = {"MetricName": name, **dimensions}
    for designator, word in wanted:
        against = list(values.values()) if designator is None else [values.get(designator, "")]
        if word.startswith('"'):
            if word[1:-1] not in against:
                return False
        elif not any(_tokens(word) <= _tokens(value) for value in against):
            return False
    return True


def _tokens(text: str) -> set[str]:
    return {token.lower() for token in _TOKENS.findall(text)}
