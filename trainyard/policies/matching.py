"""Patterns of IAM: ``*`` for any characters, ``?`` for one, and nothing else."""

from __future__ import annotations

import functools
import re


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in pattern), re.DOTALL)


def like(pattern: str, text: str) -> bool:
    """Whether ``text`` matches, case and all."""
    return pattern == "*" or _compiled(pattern).fullmatch(text) is not None


def action_like(pattern: str, action: str) -> bool:
    """Whether an action matches; actions have no case."""
    return like(pattern.lower(), action.lower())


def arn_like(pattern: str, arn: str) -> bool:
    """Whether an ARN matches part by part: the six that colons part, the last with the rest.

    Source: "Amazon Resource Name (ARN) condition operators", IAM User Guide, read 2026-11-22.
    """
    if pattern == "*":
        return True
    wanted, given = pattern.split(":", 5), arn.split(":", 5)
    return len(wanted) == len(given) and all(map(like, wanted, given))
