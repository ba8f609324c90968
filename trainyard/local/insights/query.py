"""The commands of a query, each of which works on what the one before leaves."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from trainyard.local.insights.language import MalformedQuery, Record, Word, Words, condition, regex_of, words_of

MOST_ROWS = 10_000
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
Stage = Callable[[list[Record]], list[Record]]
_AGGREGATES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "avg": lambda values: sum(values) / len(values),
    "sum": sum,
    "min": min,
    "max": max,
}


def parse(text: str) -> Callable[[list[Record]], list[Record]]:
    """Read a query; what it gives takes records of a log, the oldest first, and gives rows.

    A record has ``@timestamp`` (``2026-11-22 08:00:00.000``, UTC), ``@message``, ``@logStream`` and ``@log``. A row has
    what the query shows, by name; fields that a record lacks are left out.

    Raises:
        MalformedQuery: The query is wrong, or uses what the embedded cloud does not know.
    """
    stages: list[Stage] = []
    shown: list[str] | None = None
    for part in _parts(words_of(text)):
        words = Words(part)
        command = words.take("name").text.lower()
        if command in ("fields", "display"):
            shown = _names(words)
        elif command == "stats":
            stage, shown = _stats(words)
            stages.append(stage)
        elif command in _COMMANDS:
            stages.append(_COMMANDS[command](words))
        else:
            raise MalformedQuery(f"the embedded cloud does not know the command {command!r}")
        words.end()
    names = shown or ["@timestamp", "@message"]

    def run(records: list[Record]) -> list[Record]:
        for stage in stages:
            records = stage(records)
        return [{name: row[name] for name in names if name in row} for row in records[:MOST_ROWS]]

    return run


def _parts(words: Sequence[Word]) -> list[list[Word]]:
    parts: list[list[Word]] = [[]]
    for word in words:
        if word == Word("sign", "|"):
            parts.append([])
        else:
            parts[-1].append(word)
    if not all(parts):
        raise MalformedQuery("a command is missing beside a |")
    return parts


def _names(words: Words) -> list[str]:
    found = [words.take("name").text]
    while words.took(","):
        found.append(words.take("name").text)
    return found


def _filter(words: Words) -> Stage:
    keeps = condition(words)
    return lambda rows: [row for row in rows if keeps(row)]


def _limit(words: Words) -> Stage:
    text = words.take("number").text
    if not text.isdecimal():
        raise MalformedQuery(f"limit {text} is no number of rows: it is a whole one, such as 20")
    count = int(text)
    return lambda rows: rows[:count]


def _parse(words: Words) -> Stage:
    word = words.peek()
    field = words.take("name").text if word is not None and word.kind == "name" else "@message"
    pattern = words.take("text", "regex")
    if pattern.kind == "regex":
        expression = regex_of(pattern)
    else:
        words.want("as")
        names, pieces = _names(words), [re.escape(piece) for piece in pattern.text.split("*")]
        if len(names) != len(pieces) - 1:
            raise MalformedQuery(f"{pattern.text!r} has {len(pieces) - 1} asterisks for {len(names)} names")
        if len({*names}) < len(names) or not all(map(str.isidentifier, names)):
            raise MalformedQuery(f"names after as are of letters, digits and _, each given once: {', '.join(names)}")
        holes = [f"(?P<{name}>.*?)" for name in names]
        expression = re.compile("".join(a + b for a, b in zip(pieces, [*holes, "$"], strict=True)))

    def stage(rows: list[Record]) -> list[Record]:
        matches = [(row, expression.search(row.get(field, ""))) for row in rows]
        return [{**row, **(match.groupdict(default="") if match else {})} for row, match in matches]

    return stage


def _sort(words: Words) -> Stage:
    keys = [(words.take("name").text, words.took("asc", "desc") == "desc")]
    while words.took(","):
        keys.append((words.take("name").text, words.took("asc", "desc") == "desc"))

    def stage(rows: list[Record]) -> list[Record]:
        for name, descending in reversed(keys):
            rows = sorted(rows, key=lambda row: _order(row.get(name)), reverse=descending)
        return rows

    return stage


def _order(value: str | None) -> tuple[int, float, str]:
    if value is None:
        return 0, 0.0, ""
    try:
        return 1, float(value), ""
    except ValueError:
        return 2, 0.0, value


def _stats(words: Words) -> tuple[Stage, list[str]]:
    columns = [_aggregate(words)]
    while words.took(","):
        columns.append(_aggregate(words))
    groups = [_group(words)] if words.took("by") else []
    while groups and words.took(","):
        groups.append(_group(words))

    def stage(rows: list[Record]) -> list[Record]:
        found: dict[tuple[str, ...], list[Record]] = {}
        for row in rows:
            found.setdefault(tuple(value(row) for _, value in groups), []).append(row)
        return [
            {
                **dict(zip((name for name, _ in groups), key, strict=True)),
                **{name: value for name, count in columns if (value := count(part)) is not None},
            }
            for key, part in found.items()
        ]

    return stage, [name for name, _ in (*groups, *columns)]


def _aggregate(words: Words) -> tuple[str, Callable[[list[Record]], str | None]]:
    name = words.take("name").text.lower()
    if name not in (*_AGGREGATES, "count", "count_distinct"):
        raise MalformedQuery(f"the embedded cloud does not know the function {name!r}")
    words.want("(")
    of = None if words.took("*") else words.take("name").text if words.took(")") is None else ""
    if of != "":
        words.want(")")
    label = words.take("name").text if words.took("as") else f"{name}({'*' if of is None else of})"

    def compute(rows: list[Record]) -> str | None:
        if not of:
            return str(len(rows))
        values = [row[of] for row in rows if of in row]
        if name.startswith("count"):
            return str(len(set(values)) if name == "count_distinct" else len(values))
        numbers = [number for number in map(_number, values) if number is not None]
        return f"{_AGGREGATES[name](numbers):g}" if numbers else None

    return label, compute


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _group(words: Words) -> tuple[str, Callable[[Record], str]]:
    name = words.take("name").text
    if name != "bin" or not words.took("("):
        return name, lambda row: row.get(name, "")
    length = words.take("name").text
    match = re.fullmatch(r"(\d+)([smhd])", length)
    if match is None or int(match[1]) == 0:
        raise MalformedQuery(f"bin({length}) is no length of time such as 5m or 1h")
    words.want(")")
    seconds = int(match[1]) * _SECONDS[match[2]]

    def start(row: Record) -> str:
        if "@timestamp" not in row:  # What an earlier stats leaves has no time.
            return ""
        moment = datetime.fromisoformat(row["@timestamp"]).replace(tzinfo=UTC).timestamp()
        return moment_text(moment // seconds * seconds)

    return f"bin({length})", start


def moment_text(seconds: float) -> str:
    """A moment since 1970, as Logs Insights shows it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


_COMMANDS: Mapping[str, Callable[[Words], Stage]] = {
    "filter": _filter, "limit": _limit, "parse": _parse, "sort": _sort,
}  # fmt: skip
