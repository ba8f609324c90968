"""The command line: `trainyard`. Nothing slow is imported before a command needs it."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; every failure is one line on standard error and a status that is not 0."""
    from trainyard.cli.app import app

    try:
        status = app(standalone_mode=False)
        if status == 130:  # what typer makes of Ctrl-C
            raise KeyboardInterrupt
        sys.exit(status)
    except SystemExit:
        raise
    except BaseException as error:
        from trainyard.cli.failures import explain

        text, status = explain(error)
        if text:
            sys.stderr.write(f"{text}\n")
        sys.exit(status)
