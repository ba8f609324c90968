"""System calls that Python 3.11 does not have."""

import ctypes
import os

# linux/sched.h, sys/mount.h, linux/prctl.h
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID = 0x00020000, 0x04000000, 0x08000000, 0x20000000
CLONE_NEWNET = 0x40000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 0x1, 0x20, 0x1000, 0x2000, 0x4000, 0x40000
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36

_libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """Calls a function of the C library that answers 0 when all is well.

    Raises:
        OSError: it does not.
    """
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}{arguments}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, options: str | None = None) -> None:
    """mount(2).

    Raises:
        OSError: the kernel refuses.
    """
    encoded = [text.encode() if text is not None else None for text in (source, target, kind)]
    call("mount", *encoded, ctypes.c_ulong(flags), options.encode() if options else None)


def bind(source: str, target: str, *, readonly: bool = False) -> None:
    """Shows a file or folder at a second place.

    Raises:
        OSError: the kernel refuses.
    """
    mount(source, target, flags=MS_BIND)
    if readonly:
        # The flags of a bind mount are set only by a second call.
        mount(source, target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)


def death_signal(number: int) -> None:
    """Which signal this process gets when its parent ends."""
    _libc.prctl(PR_SET_PDEATHSIG, number)


def adopt_orphans() -> None:
    """Lets what this process's descendants leave behind become its children."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
