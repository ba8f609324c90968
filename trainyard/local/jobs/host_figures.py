"""What a training job's hosts use, as SageMaker publishes it: CPUUtilization and MemoryUtilization of each.

"SageMaker AI job metrics", Amazon SageMaker AI metrics in Amazon CloudWatch, read 2026-11-22: the dimension is Host,
its value ``[job]/algo-[number]``; four busy processors are 400 per cent. SageMaker publishes every minute; jobs here
last about one.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

NAMESPACE = "/aws/sagemaker/TrainingJobs"
_EVERY_SECONDS = 5.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_GIB = 2**30


class Group(Protocol):
    """Hosts that run."""

    @property
    def names(self) -> Sequence[str]:
        """One a host."""

    def pids(self, host: int) -> list[int]:
        """The host's processes."""


class HostFigures:
    """Looks at the hosts every few seconds from a thread of its own, from ``start`` to ``close``."""

    def __init__(self, client: Any, group: Group, job: str, memory_gib: float | None) -> None:
        """Starts nothing.

        Args:
            client: CloudWatch's, with the job's role.
            group: the hosts.
            job: name of the job.
            memory_gib: memory of an instance, GiB; None where its type is not known: no share can be said.
        """
        self._client, self._group, self._job, self._memory = client, group, job, memory_gib
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"hosts of {job}", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def close(self) -> None:
        """Looks no more."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        before = self._busy()
        while not self._ended.wait(_EVERY_SECONDS):
            now = self._busy()
            # A process that ended took its time with it.
            data = [self._figure(host, "CPUUtilization", 100 * max(0.0, now[host][0] - then) / (now[host][1] - moment))
                    for host, (then, moment) in enumerate(before)]  # fmt: skip
            if self._memory:
                data += [self._figure(host, "MemoryUtilization", 100 * used / (self._memory * _GIB))
                         for host, used in enumerate(self._held())]  # fmt: skip
            before = now
            with contextlib.suppress(ClientError, BotoCoreError):
                # On AWS too a role without the right costs the figures, not the job.
                self._client.put_metric_data(Namespace=NAMESPACE, MetricData=data)

    def _figure(self, host: int, name: str, value: float) -> dict[str, Any]:
        where = [{"Name": "Host", "Value": f"{self._job}/algo-{host + 1}"}]
        return {"MetricName": name, "Dimensions": where, "Timestamp": time.time(), "Value": value, "Unit": "Percent"}

    def _pids(self, host: int) -> list[int]:
        try:
            return self._group.pids(host)
        except IndexError:
            return []  # it is not started yet

    def _busy(self) -> list[tuple[float, float]]:
        """Seconds of processors that each host's processes have taken so far, and when."""
        return [
            (sum(sum(map(int, fields[11:13])) for fields in _stats(self._pids(host))) / _TICKS, time.monotonic())
            for host in range(len(self._group.names))
        ]

    def _held(self) -> list[int]:
        """Bytes that each host's processes hold; what they share is counted with each."""
        return [
            sum(int(fields[21]) for fields in _stats(self._pids(host))) * _PAGE
            for host in range(len(self._group.names))
        ]


def _stats(pids: Iterable[int]) -> list[list[str]]:
    """Fields of /proc/PID/stat from the third on, of those processes that are still there."""
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):
            found.append(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split())
    return found
