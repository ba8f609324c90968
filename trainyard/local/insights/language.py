"""Words of a query, and the conditions that are written with them.

Source: "CloudWatch Logs Insights language query syntax", CloudWatch Logs User Guide, read 2026-11-22.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Record = dict[str, str]
Condition = Callable[[Record], bool]

_WORDS = re.compile(
    r"""\s*(?:
      (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    | (?P<regex>/(?:\\.|[^/\\\n])+/)
    | (?P<number>-?\d+(?:\.\d+)?(?![\w.]))
    | (?P<name>`[^`]+`|[@\w][\w.@-]*)
    | (?P<sign>!=|<=|>=|=~|[=<>(),|\[\]*])
    )""",
    re.VERBOSE,
)
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


class MalformedQuery(ValueError):
    """A query that is wrong, or that the embedded cloud does not know. The message is one line."""


@dataclass(frozen=True)
class Word:
    """One word."""

    kind: str
    """text, regex, number, name or sign."""
    text: str
    """As it is written, without quotes."""


def words_of(query: str) -> list[Word]:
    """Take a query apart.

    Raises:
        MalformedQuery: Something in it is no word.
    """
    found: list[Word] = []
    at, query = 0, query.rstrip()
    while at < len(query):
        match = _WORDS.match(query, at)
        if match is None:
            raise MalformedQuery(f"unexpected {query[at : at + 20]!r} at character {at + 1}")
        kind, text = match.lastgroup or "", match[match.lastgroup or 0]
        if kind in ("text", "regex") or text.startswith("`"):
            text = text[1:-1]
        found.append(Word(kind, text))
        at = match.end()
    return found


class Words:
    """Words that are read one after the other."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._words, self._at = words, 0

    def peek(self) -> Word | None:
        return self._words[self._at] if self._at < len(self._words) else None

    def take(self, *kinds: str) -> Word:
        """The next word, which is of one of these kinds, if some are given."""
        word = self.peek()
        if word is None:
            raise MalformedQuery(f"a {' or '.join(kinds) or 'word'} is missing at the end")
        if kinds and word.kind not in kinds:
            raise MalformedQuery(f"got {word.text!r} where a {' or '.join(kinds)} is wanted")
        self._at += 1
        return word

    def took(self, *texts: str) -> str | None:
        """The next word's text, if it is one of these, in whatever letters; else nothing is read."""
        word = self.peek()
        if word is None or word.kind not in ("name", "sign") or word.text.lower() not in texts:
            return None
        self._at += 1
        return word.text.lower()

    def want(self, text: str) -> None:
        if self.took(text) is None:
            word = self.peek()
            raise MalformedQuery(f"got {word.text if word else 'the end'!r} where {text!r} is wanted")

    def end(self) -> None:
        if (word := self.peek()) is not None:
            raise MalformedQuery(f"nothing is known to do with {word.text!r}")


def regex_of(word: Word) -> re.Pattern[str]:
    """A regular expression, whose groups are named ``(?<name>…)``."""
    try:
        return re.compile(re.sub(r"\(\?<(?=\w)", "(?P<", word.text))
    except (re.error, OverflowError, RecursionError) as error:
        raise MalformedQuery(f"/{word.text}/ is no regular expression: {error}") from None


def condition(words: Words) -> Condition:
    """What ``filter`` keeps: comparisons, ``like``, ``in``, ``ispresent``, joined by ``and``, ``or`` and ``not``."""
    either = [_all_of(words)]
    while words.took("or"):
        either.append(_all_of(words))
    return lambda record: any(part(record) for part in either)


def _all_of(words: Words) -> Condition:
    each = [_negated(words)]
    while words.took("and"):
        each.append(_negated(words))
    return lambda record: all(part(record) for part in each)


def _negated(words: Words) -> Condition:
    if words.took("not"):
        inner = _negated(words)
        return lambda record: not inner(record)
    if words.took("("):
        inner = condition(words)
        words.want(")")
        return inner
    return _comparison(words)


def _comparison(words: Words) -> Condition:
    if words.took("ispresent"):
        words.want("(")
        present = words.take("name").text
        words.want(")")
        return lambda record: present in record
    field = words.take("name").text
    negative = words.took("not") is not None
    sign = words.took("like", "in", "=~", *([] if negative else _COMPARED))
    if sign is None:
        raise MalformedQuery(f"a comparison is missing after {field!r}")
    found = _like(field, words) if sign in ("like", "=~") else _among(field, words) if sign == "in" else None
    if found is None:
        other, compare = words.take("text", "number"), _COMPARED[sign]
        return lambda record: field in record and compare(*_alike(record[field], other.text))
    return (lambda record: not found(record)) if negative else found


def _like(field: str, words: Words) -> Condition:
    word = words.take("text", "regex")
    if word.kind == "text":
        return lambda record: word.text in record.get(field, "")
    pattern = regex_of(word)
    return lambda record: pattern.search(record.get(field, "")) is not None


def _among(field: str, words: Words) -> Condition:
    words.want("[")
    values = {words.take("text", "number").text}
    while words.took(","):
        values.add(words.take("text", "number").text)
    words.want("]")
    return lambda record: record.get(field) in values


def _alike(left: str, right: str) -> tuple[object, object]:
    """Both as numbers where both are, else both as text."""
    try:
        return float(left), float(right)
    except ValueError:
        return left, right
