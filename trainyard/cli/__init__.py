"""The command line: `trainyard`. Nothing slow is imported before a command needs it."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; every failure is one line on standard error and a status that is not 0."""
    from trainyard.cli.app import app

    try:
        sys.exit(app(standalone_mode=False))
    except SystemExit:
        raise
    except BaseException as error:
        from trainyard.cli.failures import explain

        text, status = explain(error)
        if text:
            print(text, file=sys.stderr)  # noqa: T201
        sys.exit(status)
