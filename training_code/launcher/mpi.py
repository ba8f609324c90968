"""PID 1 of a host whose ranks mpirun starts: it runs on the first host, over SSH to the daemons of the others.

Executed here with a real mpirun on loopback; over SSH between containers never outside AWS, nor on it.

The way of sagemaker-training 5.1 (mpi.py), read 2026-11: the others serve SSH and wait for Open MPI's daemon to come
and go; the first waits for their SSH. What differs: SIGTERM reaches the ranks, and a host knows how its own ended.
"""

from __future__ import annotations

import contextlib
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ml_contract.exit_codes import ExitCode
from ml_contract.paths import ContainerPaths
from training_code.interruption import Interruption
from training_code.launcher import command, outcome
from training_code.launcher.job import Job
from training_code.launcher.local_ranks import LocalRanks
from training_code.launcher.pulse import Pulse

SSH_PORT = 22
HOSTS_SECONDS = 1200.0
"""For the hosts to find each other: what sagemaker-training gives a daemon to appear."""
CAUSE_SECONDS = 5.0
"""Head start of a host whose rank failed over the one that mpirun told: the platform takes the first one's reason."""
_POLL, _KILL_SECONDS = 0.1, 5.0
_DAEMONS = ("orted", "prted")
"""Of Open MPI 4 and 5."""


def run(job: Job, paths: ContainerPaths, environment: Mapping[str, str]) -> int:
    """Run the ranks of this host and answer with the exit code of the job.

    Args:
        job: The job as this host sees it.
        paths: Of the container contract.
        environment: What its ranks are to see.
    """
    ranks = LocalRanks(paths)
    environment = {**environment, **Pulse.begin(paths)}
    ranks.begin(environment)
    stop = Interruption().install()
    role = _lead if job.resources.is_leader else _follow
    return role(job, paths, environment, ranks, stop)


def _lead(
    job: Job, paths: ContainerPaths, environment: Mapping[str, str], ranks: LocalRanks, stop: Interruption
) -> int:
    others = job.resources.hosts[1:]
    if not _until(lambda: all(serves_ssh(host) for host in others), stop):
        if stop.requested:
            return outcome.stopped_before_start()
        silent = ", ".join(host for host in others if not serves_ssh(host))
        reason = f"the hosts did not find each other: no SSH on {silent} within {HOSTS_SECONDS:.0f} s"
        return outcome.failed(paths, reason, ExitCode.TRAINING_FAILED)
    arguments = command.mpirun(job, environment)
    print("launcher: run " + shlex.join(arguments), flush=True)
    code = _mpirun(arguments, environment, ranks, stop)
    codes = ranks.codes()
    if stop.requested or (code == 0 and ExitCode.INTERRUPTED in codes.values()):
        return outcome.interrupted(paths)
    if code == 0:
        return ExitCode.SUCCESS
    for rank, own in codes.items():
        if own not in (None, ExitCode.SUCCESS, ExitCode.INTERRUPTED):
            return outcome.failed(paths, outcome.reason(f"rank {rank}", own), own)
    if others and not paths.failure.exists():
        stop.wait(CAUSE_SECONDS)
    # mpirun gives a signal as a shell does.
    code = 128 - code if code > 128 else code
    return outcome.failed(paths, outcome.reason("a rank", code), code)


def _mpirun(arguments: list[str], environment: Mapping[str, str], ranks: LocalRanks, stop: Interruption) -> int:
    with subprocess.Popen(arguments, env=dict(environment), stdin=subprocess.DEVNULL) as process:
        while (code := process.poll()) is None:
            if stop.requested:
                ranks.terminate()
            if stop.seconds_left <= 0:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_KILL_SECONDS)
                process.kill()
            time.sleep(_POLL)
    return code


def _follow(
    job: Job, paths: ContainerPaths, environment: Mapping[str, str], ranks: LocalRanks, stop: Interruption
) -> int:
    leader = job.resources.leader
    with serving_ssh(environment):
        if not _until(lambda: bool(daemons()), stop):
            if stop.requested:
                return outcome.stopped_before_start()
            reason = f"the hosts did not find each other: no mpirun of {leader} within {HOSTS_SECONDS:.0f} s"
            return outcome.failed(paths, reason, ExitCode.TRAINING_FAILED)
        while daemons():
            if stop.requested:
                ranks.terminate()
            time.sleep(_POLL)
    codes = ranks.codes()
    for rank, own in codes.items():
        if own not in (None, ExitCode.SUCCESS, ExitCode.INTERRUPTED):
            return outcome.failed(paths, outcome.reason(f"rank {rank}", own), own)
    if stop.requested or ExitCode.INTERRUPTED in codes.values():
        return outcome.interrupted(paths)
    if not codes or None in codes.values():
        lost = [f"rank {rank}" for rank, own in codes.items() if own is None] or ["no rank was started here, or it"]
        return outcome.failed(paths, f"{lost[0]} was ended from outside: see the log of {leader}", 1)
    return ExitCode.SUCCESS


def _until(holds: Callable[[], bool], stop: Interruption) -> bool:
    """Whether something came to hold in time, before the job was asked to end."""
    deadline = time.monotonic() + HOSTS_SECONDS
    while not stop.requested and time.monotonic() < deadline:
        if holds():
            return True
        stop.wait(_POLL)
    return False


def serves_ssh(host: str) -> bool:
    """Whether an SSH server greets on a host."""
    try:
        with socket.create_connection((host, SSH_PORT), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


@contextlib.contextmanager
def serving_ssh(environment: Mapping[str, str]) -> Iterator[None]:
    """An SSH server while this host waits; the image brings its keys."""
    program = sshd(environment)
    assert program is not None  # the job was checked for it
    Path("/run/sshd").mkdir(parents=True, exist_ok=True)
    with subprocess.Popen([program, "-D", "-e"], stdin=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)


def sshd(environment: Mapping[str, str]) -> str | None:
    """The SSH server, which must be named by its whole path; None where there is none."""
    return shutil.which("sshd", path=f"{environment.get('PATH', '')}:/usr/sbin")


def daemons() -> list[int]:
    """Process numbers of Open MPI's daemons on this host."""
    found = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if path.read_text().strip() in _DAEMONS:
                found.append(int(path.parent.name))
    return found
