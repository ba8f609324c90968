"""The query language: what each command leaves, and what is refused instead of passed over."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.insights import MalformedQuery, Record, parse


def records(*messages: str) -> list[Record]:
    return [
        {"@timestamp": f"2026-11-22 08:{number:02d}:00.000", "@message": message, "@logStream": f"job/{number}"}
        for number, message in enumerate(messages)
    ]


def messages(query: str, *given: str) -> list[str]:
    return [row["@message"] for row in parse(f"fields @message | {query}")(records(*given))]


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("@message like /a+b/", ["aab"]),
        ("@message like /(?i)AAB/", ["aab"]),
        ('@message like "c"', ["c", "cd"]),
        ("@message not like /a/", ["c", "cd"]),
        ("@message = 'c'", ["c"]),
        ("@message in ['c', 'aab']", ["aab", "c"]),
        ("not (@message = 'c') and @message like /c/", ["cd"]),
        ("@message = 'c' or @message = 'cd' and @logStream = 'nothing'", ["c"]),
        ("ispresent(@message)", ["aab", "c", "cd"]),
        ("ispresent(other)", []),
        ("@message > 'b'", ["c", "cd"]),
    ],
)
def test_a_filter_keeps_what_it_says(condition: str, kept: list[str]) -> None:
    assert messages(f"filter {condition}", "aab", "c", "cd") == kept


def test_numbers_compare_as_numbers() -> None:
    query = "parse @message /n=(?<n>[0-9.e-]+)/ | filter n > 9 | sort n desc | display n"
    rows = parse(query)(records("n=10", "n=9.5", "n=1e-3", "nothing"))
    assert [row["n"] for row in rows] == ["10", "9.5"]


def test_a_glob_takes_what_its_asterisks_stand_for() -> None:
    rows = parse('parse @message "user *, took * s" as user, took | display user, took')(records("user a b, took 3 s"))
    assert rows == [{"user": "a b", "took": "3"}]


def test_stats_by_a_field_and_by_time() -> None:
    given = records("a 1", "a 3", "b 5")
    query = 'parse @message "* *" as name, n | stats count(*) as rows, avg(n) as mean, max(n) by name'
    assert parse(query)(given) == [
        {"name": "a", "rows": "2", "mean": "2", "max(n)": "3"}, {"name": "b", "rows": "1", "mean": "5", "max(n)": "5"}
    ]  # fmt: skip
    assert parse("stats count(*) as rows by bin(2m)")(given) == [
        {"bin(2m)": "2026-11-22 08:00:00.000", "rows": "2"}, {"bin(2m)": "2026-11-22 08:02:00.000", "rows": "1"}
    ]  # fmt: skip


def test_limit_counts_what_the_command_before_it_left() -> None:
    assert messages("filter @message like /a/ | limit 1", "b", "a1", "a2") == ["a1"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("explode", "does not know the command 'explode'"),
        ("fields", "a name is missing at the end"),
        ("filter @message", "a comparison is missing after '@message'"),
        ("filter @message like /(/", "is no regular expression"),
        ("filter a = 1 )", "nothing is known to do with ')'"),
        ("stats median(x)", "does not know the function 'median'"),
        ("stats count(*) by bin(5x)", "no length of time"),
        ('parse @message "a*b" as x, y', "1 asterisks for 2 names"),
        ("limit many", "got 'many' where a number is wanted"),
        ("limit 1.5", "limit 1.5 is no number of rows"),
        ("limit -1", "limit -1 is no number of rows"),
        ('parse "*" as @timestamp', "letters, digits and _, each given once: @timestamp"),
        ('parse "* *" as a, a', "letters, digits and _, each given once: a, a"),
        (f"filter a like /a{{{2**32}}}/", "is no regular expression: the repetition number is too large"),
        ("fields a | | limit 1", "a command is missing beside a |"),
        ("filter a ~ 1", "unexpected"),
        ("", "a command is missing"),
    ],
)
def test_what_is_not_understood_is_said(query: str, says: str) -> None:
    with pytest.raises(MalformedQuery, match=says.replace("(", r"\(").replace(")", r"\)").replace("|", r"\|")):
        parse(query)


def test_what_has_no_time_is_in_no_interval() -> None:
    found = parse("stats count(*) as rows by @logStream | stats count(*) as streams by bin(5m)")(records("a", "b"))
    assert found == [{"bin(5m)": "", "streams": "2"}]


WORDS = st.sampled_from([
    "fields", "filter", "limit", "parse", "sort", "stats", "|", "by", "as", "and", "not", "like", "in", "(", ")", "[",
    "]", "=", ",", "*", "a", "@message", "@timestamp", "bin(5m)", "count(*)", "max(a)", '"* *"', "/(?<a>.+)/", "1.5",
])  # fmt: skip


@given(st.text(max_size=20) | st.lists(WORDS, max_size=12).map(" ".join))
def test_nonsense_is_malformed_or_a_query(text: str) -> None:
    with contextlib.suppress(MalformedQuery):
        parse(text)(records("a 1", "b nan"))
