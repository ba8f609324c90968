"""The service models' regular expressions are Java's; this translates the parts that Python spells differently."""

import functools
import re
import sys
import unicodedata
from collections.abc import Iterator

# Java reads \uD800\uDC00-\uDBFF\uDFFF as one range of supplementary characters.
_SURROGATE_RANGE = re.compile(r"\\uD800\\uDC00-\\uDBFF\\uDFFF", re.IGNORECASE)
_PROPERTY = re.compile(r"\\p\{(\w+)\}")
# Java allows a quantifier on an anchor, where it changes nothing.
_QUANTIFIED_ANCHOR = re.compile(r"(?<!\\)\$\{\d+,\d+\}")
_POSIX = {"Alnum": "a-zA-Z0-9", "Alpha": "a-zA-Z", "Digit": "0-9", "Lower": "a-z", "Upper": "A-Z"}


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The Python form of a model's pattern; match it with `fullmatch`.

    Raises:
        re.error: the pattern uses a construct that has no translation (a test holds that no shape of SageMaker does).
    """
    translated = _SURROGATE_RANGE.sub(r"\\U00010000-\\U0010FFFF", pattern)
    translated = _QUANTIFIED_ANCHOR.sub("$", translated)
    # ASCII, because Java's \w, \d and \s are.
    return re.compile(_PROPERTY.sub(lambda match: _ranges(match[1]), translated), re.ASCII)


@functools.cache
def _ranges(name: str) -> str:
    """The inside of a character class that holds a POSIX class or a Unicode general category."""
    if name in _POSIX:
        return _POSIX[name]
    inside = "".join(f"\\U{first:08X}-\\U{last:08X}" for first, last in _category(name))
    if not inside:
        raise re.error(f"unknown character property \\p{{{name}}}")
    return inside


def _category(name: str) -> Iterator[tuple[int, int]]:
    first: int | None = None
    for code in range(sys.maxunicode + 2):
        inside = code <= sys.maxunicode and unicodedata.category(chr(code)).startswith(name)
        if inside and first is None:
            first = code
        elif not inside and first is not None:
            yield first, code - 1
            first = None
