"""The parent of one host's container: a script of its own, so that it can be a single-threaded process.

It reads its orders as JSON from standard input, enters the host's namespaces, starts the entrypoint there as PID 1, and
reports the entrypoint's process id and how it ended as JSON lines on the report descriptor. When the cloud dies, or
sends SIGTERM, it ends every process of the host at once.
"""

import ctypes
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

# linux/sched.h, sys/mount.h, linux/prctl.h
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID = 0x00020000, 0x04000000, 0x08000000, 0x20000000
CLONE_NEWNET = 0x40000000
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 0x1, 0x20, 0x1000, 0x4000, 0x40000
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_NOT_FOUND, _NOT_STARTED = 127, 125

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}{arguments}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str | None = None, flags: int = 0, options: str | None = None) -> None:
    encoded = [text.encode() if text is not None else None for text in (source, target, kind)]
    _call("mount", *encoded, ctypes.c_ulong(flags), options.encode() if options else None)


def _enter(orders: dict[str, Any]) -> None:
    """Makes this process's children a host of their own: network, mounts, name, processes."""
    _call("setns", orders["network"], CLONE_NEWNET)
    os.close(orders["network"])
    _call("unshare", CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID)
    _mount("none", "/", flags=_MS_REC | _MS_PRIVATE)
    _provide(orders["base"], orders["scaffold"])
    if orders["size"]:
        # A disk of that many bytes, with what the platform has put there.
        _mount("tmpfs", orders["base"], "tmpfs", options=f"size={orders['size']}")
        shutil.copytree(orders["tree"], orders["base"], dirs_exist_ok=True, ignore=_pipes)
        inputs = Path(orders["tree"], "input/data")
        if inputs.is_dir() and any(entry.is_fifo() for entry in inputs.iterdir()):
            _mount(str(inputs), str(Path(orders["base"], "input/data")), flags=_MS_BIND)
    else:
        _mount(orders["tree"], orders["base"], flags=_MS_BIND)
    for mount in orders["mounts"]:
        _mount(mount["source"], mount["target"], flags=_MS_BIND)
        if mount["readonly"]:
            # The flags of a bind mount are set only by a second call.
            _mount(mount["source"], mount["target"], flags=_MS_BIND | _MS_REMOUNT | _MS_RDONLY)
    _mount(orders["hosts_file"], "/etc/hosts", flags=_MS_BIND)
    room = f"size={orders['shared_memory']}" if orders.get("shared_memory") else None
    _mount("tmpfs", "/dev/shm", "tmpfs", options=room)  # noqa: S108 - a container has its own
    name = orders["name"].encode()
    _call("sethostname", name, len(name))


def _pipes(folder: str, names: list[str]) -> list[str]:
    """What is neither file nor folder cannot be copied: pipes, which a mount shows where they are needed."""
    return [name for name in names if Path(folder, name).is_fifo()]


def _inputs(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "data" and Path(folder).name == "input"]


def _provide(folder: str, scaffold: str) -> None:
    """Makes `/opt/ml` exist in this mount namespace, without a trace on the machine."""
    base = Path(folder)
    if base.is_dir():
        return
    try:
        _mount("overlay", str(base.parent), "overlay", options=f"lowerdir={scaffold}:{base.parent}")
    except OSError:
        # A kernel without overlay: an empty folder stays behind.
        base.mkdir(parents=True, exist_ok=True)


def _become(orders: dict[str, Any]) -> NoReturn:
    """The child: becomes the entrypoint."""
    report = orders["report"]
    os.set_inheritable(report, False)
    # Python ignores SIGPIPE, which a container's entrypoint does not expect.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if orders["isolated"]:
            _mount("proc", "/proc", "proc")
        os.chdir(orders["folder"])
    except OSError as error:
        _report(report, error=str(error))
        os._exit(_NOT_STARTED)
    command, environment = orders["command"], orders["environment"]
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - this is what a container's start is
    except OSError as error:
        text = f'exec: "{command[0]}": {error.strerror} (PATH={environment.get("PATH", "")})\n'
        os.write(2, text.encode())
        os._exit(_NOT_FOUND)


def _wait(child: int, isolated: bool) -> int:
    """Waits for the entrypoint and returns its wait status; SIGTERM meanwhile ends the host at once."""
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
    report, isolated = orders["report"], orders["isolated"]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != orders["parent"]:
        return
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    try:
        if isolated:
            _enter(orders)
        else:
            _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
        child = os.fork()
    except OSError as error:
        _report(report, error=str(error))
        return
    if child == 0:
        _become(orders)
    # Only the container may hold the log open: its end is the log's end.
    os.dup2(null, 1)
    os.dup2(null, 2)
    _report(report, pid=child)
    status = _wait(child, isolated)
    if not isolated:
        _end_strays()
    if orders["size"]:
        shutil.copytree(orders["base"], orders["tree"], dirs_exist_ok=True, ignore=_inputs)
    _report(report, exit=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
