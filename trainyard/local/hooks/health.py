"""What the daemon says of itself."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

from trainyard.local.api.operations import Caller
from trainyard.local.api.service import Service
from trainyard.local.cloud import ACCOUNT, REGION
from trainyard.local.hooks import references
from trainyard.local.options import Options


class Health:
    """Where the daemon is, since when, and what runs in it."""

    def __init__(self, sagemaker: Service, options: Options, *, started: float) -> None:
        """Composes it.

        Args:
            sagemaker: what has jobs and endpoints.
            options: the daemon's.
            started: when it began, in seconds since 1970.
        """
        self._sagemaker, self._options, self._started = sagemaker, options, started

    async def told(self) -> dict[str, Any]:
        """The answer to whoever asks."""
        running = await asyncio.to_thread(self._running)
        return {
            "trainyard": True,
            "pid": os.getpid(),
            "port": self._options.port,
            "state": str(self._options.state),
            "uptime_seconds": round(time.time() - self._started, 1),
            "stacks": references.count_stacks(),
            **running,
        }

    def _running(self) -> dict[str, int]:
        jobs = self._count("ListTrainingJobs", "TrainingJobSummaries", StatusEquals="InProgress")
        jobs += self._count("ListProcessingJobs", "ProcessingJobSummaries", StatusEquals="InProgress")
        return {"jobs": jobs, "endpoints": self._count("ListEndpoints", "Endpoints")}

    def _count(self, operation: str, answer: str, **request: Any) -> int:
        if operation not in self._sagemaker.operations:
            return 0
        caller = Caller(account=ACCOUNT, region=REGION, arn=f"arn:aws:iam::{ACCOUNT}:root")
        return len(self._sagemaker.call(operation, {"MaxResults": 100, **request}, caller)[answer])
