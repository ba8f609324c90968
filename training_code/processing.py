"""How a processing module starts and ends: options from the environment, errors as one line."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import TypeVar

from ml_contract.errors import ContractError
from ml_contract.exit_codes import ExitCode
from ml_contract.options import from_variables
from ml_contract.paths import ContainerPaths

Options = TypeVar("Options")


def run(kind: type[Options], work: Callable[[Options, ContainerPaths], None]) -> ExitCode:
    """Decode the options and do the work.

    A processing job has no failure file: the last lines on standard error are what an operator sees.
    """
    try:
        work(from_variables(kind, os.environ), ContainerPaths.from_environment(os.environ))
    except ContractError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return ExitCode.CONTRACT_BROKEN
    except Exception as error:
        traceback.print_exc()
        print(f"error: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return ExitCode.TRAINING_FAILED
    return ExitCode.SUCCESS
