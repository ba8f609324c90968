"""torchrun with the contract's exit codes, a reason for every failure, and ports on the hosts' interface only.

torchrun itself ends with 1 and a traceback whatever happened, says nothing to the platform when the kernel killed a
worker, and listens on every interface.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from ml_contract.exit_codes import ExitCode
from ml_contract.paths import ContainerPaths
from training_code import failure
from training_code.interruption import SHUTDOWN_SECONDS
from training_code.launcher import outcome
from training_code.launcher.pulse import Pulse


def main(arguments: list[str]) -> int:
    """Run the ranks of this host and answer with the exit code of the job."""
    signal.signal(signal.SIGTERM, _stop_before_start)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    _listen_on_the_hosts_interface()
    paths = ContainerPaths.from_environment(os.environ)
    os.environ.update(Pulse.begin(paths))
    launch: Callable[[Any], None] = run.run
    try:
        launch(run.get_args_parser().parse_args([*shutdown_timeout(run.get_args_parser()), *arguments]))
    except SignalException:
        return outcome.interrupted(paths)
    except ChildFailedError as error:
        rank, first = error.get_first_failure()
        if first.exitcode == ExitCode.INTERRUPTED:
            return outcome.interrupted(paths)
        return outcome.failed(paths, outcome.reason(f"rank {rank}", first.exitcode), first.exitcode)
    except (RuntimeError, OSError) as error:
        return outcome.failed(paths, f"the hosts did not find each other: {failure.describe(error)}", 1)
    return ExitCode.SUCCESS


def shutdown_timeout(parser: Any) -> list[str]:
    """``--shutdown-timeout``, where this torch knows it (2.13 and later)."""
    known = any("--shutdown-timeout" in action.option_strings for action in parser._actions)
    if known:
        return ["--shutdown-timeout", str(SHUTDOWN_SECONDS)]
    print("launcher: this torch has no --shutdown-timeout: workers get 30 s to save after SIGTERM", flush=True)
    return []


def _stop_before_start(*_: object) -> NoReturn:
    sys.exit(outcome.stopped_before_start())


def _listen_on_the_hosts_interface() -> None:
    """Bind the rendezvous to the first host's address instead of to every interface."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # public all the same
    from torch.distributed.elastic.rendezvous import static_tcp_rendezvous

    def bound(host: str, port: int, world_size: int, is_master: bool, *rest: Any, **options: Any) -> Any:
        if is_master:
            # torch takes the socket over, and closes it.
            options["master_listen_fd"] = socket.create_server((host, port), backlog=1024).detach()
        return TCPStore(host, port, world_size, is_master, *rest, **options)

    vars(static_tcp_rendezvous)["TCPStore"] = bound


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
