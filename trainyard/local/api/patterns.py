"""The service models' regular expressions are Java's; this translates the parts that Python spells differently."""

import functools
import itertools
import re
import sys
import unicodedata

# Java reads \uD800\uDC00-\uDBFF\uDFFF as one range of supplementary characters.
_SURROGATE_RANGE = re.compile(r"\\uD800\\uDC00-\\uDBFF\\uDFFF", re.IGNORECASE)
_PARTS = re.compile(r"\\p\{(\w+)\}|\\.|[\[\]]", re.DOTALL)
# Java allows a quantifier on an anchor, where it changes nothing.
_QUANTIFIED_ANCHOR = re.compile(r"(?<!\\)\$\{\d+,\d+\}")
# Java allows a flag in the middle, which holds to the end of its group.
_FLAG = re.compile(r"(?<=.)\(\?i\)([^()]*)")
_POSIX = {"Alnum": "a-zA-Z0-9", "Alpha": "a-zA-Z", "Digit": "0-9", "Lower": "a-z", "Print": " -~", "Upper": "A-Z"}


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The Python form of a model's pattern; match it with `fullmatch`.

    Raises:
        re.error: the pattern uses a construct that has no translation (a test holds that no shape of SageMaker does).
    """
    translated = _SURROGATE_RANGE.sub(r"\\U00010000-\\U0010FFFF", pattern)
    translated = _QUANTIFIED_ANCHOR.sub("$", translated)
    translated = _FLAG.sub(r"(?i:\1)", translated)
    # ASCII, because Java's \w, \d and \s are.
    return re.compile(_with_ranges(translated), re.ASCII)


def _with_ranges(pattern: str) -> str:
    """A pattern whose properties are spelled out, as classes of their own where they stand outside of one."""
    depth = 0

    def spell(match: re.Match[str]) -> str:
        nonlocal depth
        if match[1]:
            return _ranges(match[1]) if depth else f"[{_ranges(match[1])}]"
        depth += {"[": 1, "]": -1}.get(match[0], 0)
        return match[0]

    return _PARTS.sub(spell, pattern)


def _ranges(name: str) -> str:
    """The inside of a character class that holds a POSIX class or a Unicode general category (one letter)."""
    inside = _POSIX.get(name) or _categories().get(name)
    if inside is None:
        raise re.error(f"unknown character property \\p{{{name}}}")
    return inside


@functools.cache
def _categories() -> dict[str, str]:
    """The ranges of every Unicode category, from one pass over all characters."""
    found: dict[str, list[str]] = {}
    characters = map(chr, range(sys.maxunicode + 1))
    for name, group in itertools.groupby(characters, lambda character: unicodedata.category(character)[0]):
        run = list(group)
        found.setdefault(name, []).append(f"\\U{ord(run[0]):08X}-\\U{ord(run[-1]):08X}")
    return {name: "".join(ranges) for name, ranges in found.items()}
