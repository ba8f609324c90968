"""The daemon: the emulator with this project's services and hooks, on loopback only.

Runs in the cloud's own environment: `.trainyard/envs/cloud/bin/python -m trainyard.local.server --state DIR --port N`.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import contextlib
import errno
import fcntl
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainyard.local.cloud import ACCOUNT, REGION
from trainyard.local.hooks.snapshots import StateError
from trainyard.local.options import Options
from trainyard.local.processes import descendants, kill

_log = logging.getLogger("trainyard")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or SIGINT. Returns the exit status."""
    options = _parse(arguments)
    options.state.mkdir(parents=True, exist_ok=True)
    with options.presence.record.open("a+") as record:
        try:
            fcntl.flock(record, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return _refuse(
                f"state: got {str(options.state)!r}, but another cloud keeps its state there. Choose another"
            )
        # Before the port is taken: whoever finds it taken finds out by whom.
        record.truncate(0)
        record.write(f"{os.getpid()} {options.port}")
        record.flush()
        try:
            return _run(options)
        finally:
            kill(descendants(os.getpid()))
            record.truncate(0)


def _run(options: Options) -> int:
    try:
        listener = _listen(options.port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return _refuse(str(options.presence.foreign()))
    _configure(options)
    try:
        asyncio.run(_serve(options, listener))
    except StateError as error:
        return _refuse(str(error))
    return 0


def _parse(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="trainyard.local.server", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder of everything the cloud keeps")
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1")
    parser.add_argument("--environments", type=Path, default=Path(".trainyard/envs"))
    parser.add_argument("--plain-transport", action="store_true", help="aws:SecureTransport is false")
    parser.add_argument("--snapshot-seconds", type=float, default=3.0)
    parser.add_argument("--isolation", choices=("auto", "namespaces", "processes"), default="auto")
    parser.add_argument("--grace-seconds", type=float, default=120.0)
    parser.add_argument("--minute-seconds", type=float, default=60.0, help="the minute of alarms and scaling policies")
    parser.add_argument("--budget-seconds", type=float, default=10.0, help="time between evaluations of the budgets")
    found = parser.parse_args(arguments)
    return Options(**{**vars(found), "state": found.state.resolve(), "environments": found.environments.resolve()})


def _refuse(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return 2


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    # From now on no second daemon gets the port, and early requests wait instead of failing.
    listener.listen(128)
    return listener


def _configure(options: Options) -> None:
    """Sets what the emulator reads from its environment while it is imported."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s [%(name)s] %(message)s")
    os.environ.update(
        {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(options.port),
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "MINISTACK_HOST": "127.0.0.1",
            "LAMBDA_EXECUTOR": "local",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "SFN_WAIT_SCALE": str(options.minute_seconds / 60),
            "AUTH": "true",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(options.state / "emulator"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(options.state / "objects"),
            "LOG_LEVEL": "INFO",
            # Functions of custom resources run as processes and call the cloud like any client.
            "AWS_ENDPOINT_URL": options.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    )


async def _serve(options: Options, listener: socket.socket) -> None:
    # The emulator reads its settings when it is imported, so nothing of it may be imported earlier.
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    from trainyard.local.hooks.assembly import Assembly

    assembly = Assembly(options)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1.0
    config.loglevel = "WARNING"
    background = asyncio.create_task(assembly.run())
    try:
        await serve(assembly.application, config, shutdown_trigger=_stop(stopping, assembly))
    finally:
        background.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await background


def _stop(stopping: asyncio.Event, assembly: Any) -> Any:
    async def trigger() -> None:
        await stopping.wait()
        # Jobs and model servers end while the cloud still answers them: a checkpoint may be on its way to S3.
        started = time.monotonic()
        await asyncio.to_thread(assembly.stop)
        _log.info("stopped what was running in %.1f s", time.monotonic() - started)

    return trigger


def _leave(ended: list[int]) -> None:
    """Ends the process when its threads have ended and everything is written.

    An interpreter that frees the clients and figures of a long life one by one takes seconds for it.
    """
    if ended:
        logging.shutdown()
        os._exit(ended[0])


if __name__ == "__main__":
    status: list[int] = []
    # What is registered first runs last.
    atexit.register(_leave, status)
    status.append(main())
    sys.exit(status[0])
