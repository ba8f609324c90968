"""The parent of one container or node: a script of its own, so that it can be a single-threaded process.

It reads its orders as JSON from standard input, enters namespaces, starts the entrypoint there as PID 1 (a node's PID 1
is this program itself: it collects what others leave behind), and reports its process id and how it ended as JSON lines
on the report descriptor. When the cloud dies, or sends SIGTERM, it ends every process inside at once.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

# Started by its path, without site-packages: what is imported here and below is the standard library and this package.
sys.path.insert(0, str(Path(__file__).parents[3]))

from trainyard.local.namespaces import container, node
from trainyard.local.namespaces.calls import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUTS,
    adopt_orphans,
    call,
    death_signal,
    mount,
)

_NOT_FOUND, _NOT_STARTED = 127, 125
_KINDS = {"container": container, "node": node}
"""What is isolated; a `process` is not."""


def _enter(orders: dict[str, Any]) -> None:
    """Makes this process's children a machine of their own: network, mounts, name, processes."""
    call("setns", orders["network"], CLONE_NEWNET)
    os.close(orders["network"])
    call("unshare", CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID)
    _KINDS[orders["kind"]].furnish(orders)


def _become(orders: dict[str, Any]) -> NoReturn:
    """The child: becomes the entrypoint, or stays as the init of a node."""
    report = orders["report"]
    os.set_inheritable(report, False)
    # Python ignores SIGPIPE, which a container's entrypoint does not expect.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    try:
        death_signal(signal.SIGKILL)
        if orders["kind"] in _KINDS:
            mount("proc", "/proc", "proc")
        os.chdir(orders["folder"])
    except OSError as error:
        _report(report, error=str(error))
        os._exit(_NOT_STARTED)
    if orders["kind"] == "node":
        _report(report, ready=True)
        os.close(report)
        _collect()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    command, environment = orders["command"], orders["environment"]
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - this is what a container's start is
    except OSError as error:
        text = f'exec: "{command[0]}": {error.strerror} (PATH={environment.get("PATH", "")})\n'
        os.write(2, text.encode())
        os._exit(_NOT_FOUND)


def _collect() -> NoReturn:
    """The init of a node: waits for orphans until it is killed."""
    while True:
        signal.sigwait({signal.SIGCHLD})
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break


def _wait(child: int, isolated: bool) -> int:
    """Waits for the entrypoint and returns its wait status; SIGTERM meanwhile ends everything at once."""
    while True:
        if signal.sigwait({signal.SIGTERM, signal.SIGCHLD}) == signal.SIGTERM:
            os.kill(child, signal.SIGKILL)
            if not isolated:
                _end_strays(but=child)
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == child:
                return status
            if pid == 0:
                break


def _end_strays(but: int = 0) -> None:
    """Ends what the entrypoint left behind, as the end of a container does. Orphans become children of this process."""
    while True:
        children = [int(pid) for pid in Path("/proc/thread-self/children").read_text().split() if int(pid) != but]
        if not children:
            return
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            os.waitpid(child, 0)


def _report(report: int, **fact: object) -> None:
    os.write(report, json.dumps(fact).encode() + b"\n")


def main() -> None:
    orders = json.load(sys.stdin)
    report, isolated = orders["report"], orders["kind"] in _KINDS
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})
    death_signal(signal.SIGTERM)
    if os.getppid() != orders["parent"]:
        return
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    try:
        if isolated:
            _enter(orders)
        else:
            adopt_orphans()
        child = os.fork()
    except OSError as error:
        _report(report, error=str(error))
        return
    if child == 0:
        _become(orders)
    # Only what runs inside may hold the log open: its end is the log's end.
    os.dup2(null, 1)
    os.dup2(null, 2)
    _report(report, pid=child)
    status = _wait(child, isolated)
    if not isolated:
        _end_strays()
    elif orders["kind"] == "container":
        container.keep(orders)
    _report(report, exit=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
