"""One rank under mpirun: Open MPI's variables become those of torch.distributed, then it trains.

An interrupted rank ends with 0, and says so to PID 1 of its host: mpirun answers the first other code by killing every
rank, those too that are about to end by themselves.

Source of the variables: "Environment variables defined by Open MPI", Open MPI 4.1 and 5.0 documentation, read 2026-11.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import traceback
from collections.abc import Mapping
from typing import Any

from ml_contract.errors import ContractError, reject
from ml_contract.exit_codes import ExitCode
from ml_contract.paths import ContainerPaths
from training_code import failure
from training_code.launcher.local_ranks import LocalRanks

VARIABLES = {
    "RANK": "OMPI_COMM_WORLD_RANK",
    "WORLD_SIZE": "OMPI_COMM_WORLD_SIZE",
    "LOCAL_RANK": "OMPI_COMM_WORLD_LOCAL_RANK",
    "LOCAL_WORLD_SIZE": "OMPI_COMM_WORLD_LOCAL_SIZE",
}


def variables(environment: Mapping[str, str], address: str, port: str) -> dict[str, str]:
    """What ``torch.distributed`` reads of a rank.

    Args:
        environment: As mpirun made it.
        address: Name of the first host.
        port: Of the store there.

    Raises:
        ContractError: Another program than Open MPI's mpirun made it.
    """
    for name in VARIABLES.values():
        if not environment.get(name, "").isdigit():
            reject(name, environment.get(name), "Open MPI's mpirun sets it to a number",
                   "Put Open MPI's mpirun first on the image's PATH.")  # fmt: skip
    found = {name: environment[theirs] for name, theirs in VARIABLES.items()}
    return found | {
        "MASTER_ADDR": address, "MASTER_PORT": port,
        # The store is served by this module, not by the process group of the first rank.
        "TORCHELASTIC_USE_AGENT_STORE": "True",
    }  # fmt: skip


def main(address: str, port: str) -> int:
    """Train as the rank that mpirun says.

    Args:
        address: Name of the first host.
        port: Of the store there, which its first rank serves.
    """
    # Until the trainer's handler stands: importing torch takes seconds.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    paths = ContainerPaths.from_environment(os.environ)
    ranks = LocalRanks(paths)
    rank = 0
    try:
        mine = variables(os.environ, address, port)
        rank = int(mine["RANK"])
        os.environ.update(ranks.join(rank) | mine)
        store = serve(address, int(port), int(mine["WORLD_SIZE"])) if rank == 0 else None
        from training_code import train

        code = int(train.main())
        del store
    except (ContractError, OSError, RuntimeError) as error:
        failure.record(paths.failure, failure.describe(error))
        traceback.print_exc()
        code = ExitCode.CONTRACT_BROKEN if isinstance(error, ContractError) else ExitCode.TRAINING_FAILED
    ranks.leave(rank, code)
    return ExitCode.SUCCESS if code == ExitCode.INTERRUPTED else code


def serve(address: str, port: int, world_size: int) -> Any:
    """The store in which the ranks find each other, on the interface of the hosts alone; torch's own takes them all.

    Raises:
        OSError: The port is taken.
    """
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # public all the same

    # torch takes the socket over, and closes it.
    listening = socket.create_server((address, port), backlog=1024).detach()
    return TCPStore(
        address, port, world_size, is_master=True, wait_for_workers=False, master_listen_fd=listening
    )  # fmt: skip


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # As in training_code.train: native threads may abort a process that has done its work.
    os._exit(status)
