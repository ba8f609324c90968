"""Keeps the model server's port on loopback where it shares the machine's network."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).with_name("bind_to_loopback.c")
_COMPILERS = ("cc", "gcc", "clang")


def library(folder: Path) -> Path:
    """The library to preload, compiled into `folder` once for each version of its source.

    Raises:
        OSError: there is no C compiler, or it fails.
    """
    digest = hashlib.sha256(_SOURCE.read_bytes()).hexdigest()[:12]
    target = folder / f"bind_to_loopback-{digest}.so"
    if target.exists():
        return target
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None:
        raise OSError(
            "the model server's port would be open to the network: without root it is kept on loopback by a small "
            "library, and there is no C compiler (cc, gcc or clang) to make it. Install one, or run as root"
        )
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(f".{os.getpid()}")
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(unfinished), str(_SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{compiler} could not compile {_SOURCE.name}: {done.stderr.strip()[-300:]}")
    unfinished.replace(target)
    return target
