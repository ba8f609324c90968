"""``node QUESTION ARGUMENT…`` of the scripts: the answer on standard output, or a line that says why there is none."""

from __future__ import annotations

import os
import sys

from .questions import QUESTIONS
from .shape import Refused

EXIT_CONFIGURATION = 64


def main(arguments: list[str]) -> int:
    try:
        print("\n".join(QUESTIONS[arguments[0]](*arguments[1:])))
    except Refused as refused:
        # The runner tells it in its last line.
        if os.environ.get("LIFECYCLE_REASON"):
            with open(os.environ["LIFECYCLE_REASON"], "w", encoding="utf-8") as file:
                file.write(str(refused))
        print(refused, file=sys.stderr)
        return EXIT_CONFIGURATION
    return 0
