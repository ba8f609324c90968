"""HyperPod's elastic agent with the contract's reasons for a failure.

The agent is torchrun's: it starts the ranks of this pod when the operator has given them their numbers, stops and
starts them again while the pod stays when a rank fails anywhere, and ends when the operator says so.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, NoReturn

from ml_contract.exit_codes import ExitCode
from ml_contract.paths import ContainerPaths
from training_code import failure
from training_code.launcher import kubernetes, outcome


def main(arguments: list[str]) -> int:
    """Run the agent and answer with the exit code of the pod.

    Args:
        arguments: Of hyperpodrun.
    """
    signal.signal(signal.SIGTERM, _stop_before_start)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    paths = ContainerPaths.from_environment(os.environ)
    try:
        _agent(arguments)
    except SignalException:
        return outcome.interrupted(paths)
    except ChildFailedError as error:
        rank, first = error.get_first_failure()
        return _failed(paths, outcome.reason(f"rank {rank}", first.exitcode), first.exitcode)
    except (RuntimeError, OSError, ValueError) as error:
        return _failed(paths, f"the elastic agent failed: {failure.describe(error)}", 1)
    return ExitCode.SUCCESS


def _agent(arguments: list[str]) -> None:
    from hyperpod_elastic_agent import run  # type: ignore[import-not-found]  # only in the image

    # Its rendezvous has to be registered before the arguments are read: its own main does both.
    agent: Any = run.main
    agent(arguments)


def _failed(paths: ContainerPaths, reason: str, code: int) -> int:
    answer = outcome.failed(paths, reason, code)
    kubernetes.tell(paths.failure.read_text())
    return answer


def _stop_before_start(*_: object) -> NoReturn:
    sys.exit(outcome.stopped_before_start())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
