"""How a processing module starts and ends: options from one environment variable, errors as one line."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import TypeVar

from ml_contract.errors import ContractError
from ml_contract.exit_codes import ExitCode
from ml_contract.hyperparameters import decode_json
from ml_contract.paths import OPTIONS_VARIABLE, ContainerPaths

Options = TypeVar("Options")


def run(kind: type[Options], work: Callable[[Options, ContainerPaths], None]) -> ExitCode:
    """Decode the options and do the work.

    A processing job has no failure file: the last lines on standard error are what an operator sees.
    """
    try:
        text = os.environ.get(OPTIONS_VARIABLE) or "{}"
        work(decode_json(kind, text, source=OPTIONS_VARIABLE), ContainerPaths.from_environment(os.environ))
    except ContractError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return ExitCode.CONTRACT_BROKEN
    except Exception as error:
        traceback.print_exc()
        print(f"error: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return ExitCode.TRAINING_FAILED
    return ExitCode.SUCCESS
