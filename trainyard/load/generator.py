"""autocannon as a process: what one level of load came to."""

from __future__ import annotations

import base64
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainyard.load.request import Request
from trainyard.operations.connection import OperationError

_SCRIPT = Path(__file__).with_name("generator.mjs")
_PACKAGE = Path("node_modules") / "autocannon"


@dataclass(frozen=True, kw_only=True)
class Level:
    """Figures of one level of load."""

    concurrency: int
    """Requests at once: a connection sends its next when it has its answer."""
    seconds: float
    """How long it took."""
    answers: int
    """Answers with a status of 2xx."""
    troubles: Mapping[str, int]
    """What else came back, by its kind: status and error code, or what the connection said."""
    p50: float
    """Median latency, seconds, of the answers."""
    p95: float
    """95th percentile, seconds."""
    p99: float
    """99th percentile, seconds."""
    batch: float | None = None
    """Mean size of the batches that the server formed; None where its figures cannot be had."""

    @property
    def throughput(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds if self.seconds else 0.0

    @property
    def failed(self) -> int:
        """Requests without an answer of 2xx."""
        return sum(self.troubles.values())


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of the ordered values do not exceed; NaN of none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def fire(request: Request, concurrency: int, seconds: float, *, timeout_seconds: int = 60) -> Level:
    """Send ``request`` for ``seconds`` from ``concurrency`` connections at once.

    Args:
        request: What to send.
        concurrency: Connections; each sends its next request when it has its answer.
        seconds: How long. autocannon takes whole seconds: it is rounded up.
        timeout_seconds: After which a request counts as unanswered; SageMaker's own limit is 60.

    Raises:
        OperationError: autocannon is not installed, or it failed.
    """
    given = {
        "packages": str(packages()),
        "url": request.url,
        "headers": dict(request.headers),
        "body": base64.b64encode(request.body).decode(),
        "connections": concurrency,
        "seconds": math.ceil(seconds),
        "timeout": timeout_seconds,
    }
    done = subprocess.run(
        [_node(), str(_SCRIPT)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + timeout_seconds + 60,
    )
    if done.returncode != 0 or not done.stdout:
        raise OperationError(f"the load generator failed: {' '.join(done.stderr.split())[-400:]}")
    found = json.loads(done.stdout)
    ordered = sorted(found["milliseconds"])
    return Level(
        concurrency=concurrency,
        seconds=found["seconds"],
        answers=sum(found["answers"].values()),
        troubles=found["troubles"],
        p50=percentile(ordered, 0.50) / 1000,
        p95=percentile(ordered, 0.95) / 1000,
        p99=percentile(ordered, 0.99) / 1000,
    )


def packages() -> Path:
    """The folder whose node_modules holds autocannon: of this checkout, or of the working folder.

    Raises:
        OperationError: Neither has it.
    """
    for folder in (Path(__file__).resolve().parents[2], Path.cwd()):
        if (folder / _PACKAGE).is_dir():
            return folder
    raise OperationError("autocannon is not installed. Run `npm ci` in the project, or `npm install autocannon` here")


def _node() -> str:
    beside = Path(sys.executable).with_name("node")
    found = str(beside) if beside.exists() else shutil.which("node")
    if found is None:
        raise OperationError("there is no Node.js on the PATH. Install it, or run `make setup`")
    return found
