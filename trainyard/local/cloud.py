"""The embedded cloud as its operator sees it: up, down, status, reset.

Nothing here imports boto3 or the emulator: the daemon runs in an environment of its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainyard.local import daemon
from trainyard.local.daemon import CloudError as CloudError
from trainyard.local.presence import Presence
from trainyard.local.processes import alive, await_exit, descendants, kill, send

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_STATE = ROOT / ".trainyard" / "cloud"
DEFAULT_PORT = 4600
ACCOUNT = "123456789012"
REGION = "us-east-1"

_START_SECONDS = 60.0
_STOP_SECONDS = 150.0  # longer than the 120 s that a stopped job may take
_POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Status:
    """What the cloud is doing."""

    running: bool
    """Whether the daemon answers."""
    port: int
    """TCP port on 127.0.0.1."""
    state: Path
    """Folder of everything the cloud keeps."""
    pid: int | None = None
    """Process id of the daemon; None when it does not run."""
    uptime_seconds: float = 0.0
    """Time since the daemon began to listen, in seconds."""
    stacks: int = 0
    """CloudFormation stacks that exist."""
    jobs: int = 0
    """Training and processing jobs that are running."""
    endpoints: int = 0
    """Endpoints that exist."""


@dataclass(frozen=True)
class Cloud:
    """One embedded cloud: a folder of state and a port on loopback."""

    state: Path = DEFAULT_STATE
    port: int = DEFAULT_PORT
    environments: Path = ROOT / ".trainyard" / "envs"
    options: tuple[str, ...] = field(default=())
    """Further arguments of the server, for example `--plain-transport`."""

    @property
    def endpoint_url(self) -> str:
        """Where every service of the cloud answers."""
        return self._presence.endpoint_url

    @property
    def log(self) -> Path:
        """What the daemon writes."""
        return self._presence.log

    @property
    def _presence(self) -> Presence:
        return Presence(self.state, self.port)

    def environment(self) -> dict[str, str]:
        """The variables that make any AWS SDK, the AWS CLI and the CDK CLI talk to this cloud as its administrator."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "CDK_DEFAULT_ACCOUNT": ACCOUNT,
            "CDK_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def up(self) -> Status:
        """Starts the daemon unless it runs already.

        Raises:
            CloudError: another program holds the port, another port already serves this state, or the daemon
                does not come up; the message says what to do.
        """
        holder = self._presence.recorded()
        if holder is not None:
            pid, port = holder
            if port != self.port:
                raise CloudError(
                    f"port: got {self.port}, but a cloud serves {str(self.state)!r} on port {port} already. "
                    "Use that port, or stop it with `trainyard local down`"
                )
            return self._await_health(lambda: None if alive(pid) else 1)
        found = self._presence.health_or_free_port()
        if found is not None:
            return self._status(self._presence.own(found))
        python = self.environments / "cloud" / "bin" / "python"
        if not python.exists():
            raise CloudError(f"environments: got {str(self.environments)!r}, but it has no {python}. Run `make setup`")
        self.state.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [python, "-m", "trainyard.local.server", *self._arguments()],
                cwd=ROOT,
                env=_clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self._await_health(process.poll)

    def down(self) -> bool:
        """Stops the daemon and everything it started; state stays. False when it was not running.

        Raises:
            CloudError: another program holds the port.
        """
        # The state's own record comes first: a daemon that hangs answers nothing, and must go all the same.
        holder = self._presence.recorded()
        if holder is not None:
            pid = holder[0]
        else:
            found = self._presence.health()
            if found is None:
                return False
            pid = int(self._presence.own(found)["pid"])
        send(pid, signal.SIGTERM)
        if not await_exit(pid, _STOP_SECONDS):
            # What it started lives in sessions of its own, and would stay.
            orphans = descendants(pid)
            send(pid, signal.SIGKILL)
            kill(orphans)
            await_exit(pid, 10.0)
        return True

    def status(self) -> Status:
        """What the daemon says of itself."""
        found = self._presence.health()
        if found is None:
            return Status(running=False, port=self.port, state=self.state)
        return self._status(self._presence.own(found))

    def reset(self) -> None:
        """Stops the daemon and deletes everything it kept.

        Raises:
            CloudError: the folder holds other things too.
        """
        self.down()
        if not self.state.exists():
            return
        if self.state.resolve() != DEFAULT_STATE.resolve() and not self._presence.record.exists():
            raise CloudError(
                f"state: got {str(self.state)!r}, but no cloud ever kept its state there. "
                "Name the folder that `trainyard local up` was given"
            )
        shutil.rmtree(self.state)

    def call(self, operation: str, /, **request: Any) -> dict[str, Any]:
        """Calls an operation of the cloud's own service, such as `InjectFault`, as its administrator.

        Raises:
            CloudError: the cloud is not running, or refuses the request.
        """
        return daemon.call(self.endpoint_url, operation, request)

    def _arguments(self) -> list[str]:
        fixed = ["--state", self.state.resolve(), "--port", self.port, "--environments", self.environments.resolve()]
        return [*map(str, fixed), *self.options]

    def _status(self, found: Mapping[str, Any]) -> Status:
        known = {name: found[name] for name in ("pid", "uptime_seconds", "stacks", "jobs", "endpoints")}
        return Status(running=True, port=self.port, state=self.state, **known)

    def _await_health(self, ended: Callable[[], int | None]) -> Status:
        """Waits for the daemon's answer; `ended` gives its exit status once it has one."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            # Ended, and nobody else began at the same moment and was quicker.
            if ended() is not None and self._presence.recorded() is None:
                raise CloudError(f"the cloud did not start: {_last_line(self.log)} (log: {self.log})")
            try:
                found = self._presence.health()
            except CloudError:
                # It listens from its first moment on: a request that is cut off means that it did not come up.
                found = None
            if found is not None:
                return self._status(self._presence.own(found))
            time.sleep(_POLL_SECONDS)
        raise CloudError(
            f"the cloud did not answer within {_START_SECONDS:.0f} s: {_last_line(self.log)} (log: {self.log}). "
            "Stop it with `trainyard local down`"
        )


def _clean_environment() -> dict[str, str]:
    """The daemon's environment: the caller's AWS settings must not reach a cloud that calls itself."""
    dropped = ("AWS_", "MINISTACK_", "PYTHON", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "it wrote nothing"
