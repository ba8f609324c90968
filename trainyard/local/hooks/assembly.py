"""Puts the daemon together: hooks, our services, persistence."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import time
from typing import TYPE_CHECKING, Any

from ministack import app

from trainyard.local.api.service import Context, Service
from trainyard.local.api.store import Store
from trainyard.local.cloud import ACCOUNT, REGION
from trainyard.local.faults import Faults
from trainyard.local.hooks import iam, references, sessions
from trainyard.local.hooks.gateway import gateway
from trainyard.local.hooks.persistence import Persistence
from trainyard.local.hooks.routing import json_service, register
from trainyard.local.hooks.s3_faults import S3Faults
from trainyard.local.hooks.snapshots import Snapshots
from trainyard.local.platform import LocalPlatform

if TYPE_CHECKING:
    from trainyard.local.server import Options

assert app.AUTH, "the emulator was imported before its settings were in place"

_log = logging.getLogger(__name__)


class Assembly:
    """The daemon's parts."""

    def __init__(self, options: Options) -> None:
        """Installs every hook and builds every service of our own."""
        self._options = options
        self._started = time.monotonic()
        faults = Faults()
        self.context = Context(
            store=Store(options.state / "trainyard.db"),
            platform=LocalPlatform(options.endpoint_url, REGION, assume=sessions.assume, exists=references.exists),
            state=options.state,
            account=ACCOUNT,
            region=REGION,
            faults=faults,
            environments=options.environments,
            isolation=options.isolation,
            grace_seconds=options.grace_seconds,
        )
        iam.install(secure_transport=not options.plain_transport)
        self._persistence = Persistence(Snapshots(options.state / "emulator"), options.snapshot_seconds)
        self._persistence.verify()
        self._persistence.install()
        self.service = _build(self.context)
        if self.service is not None:
            register("sagemaker", target="SageMaker.", handler=json_service(self.service, iam.check))
        self.application = gateway(self.health, self._persistence.touched, S3Faults(faults))

    async def run(self) -> None:
        """Keeps what changes until cancelled."""
        await self._persistence.run()

    def stop(self) -> None:
        """Ends what the families started."""
        if self.service is not None:
            self.service.stop()

    def health(self) -> dict[str, Any]:
        """What the daemon says of itself."""
        return {
            "trainyard": "0.1.0",
            "pid": os.getpid(),
            "port": self._options.port,
            "state": str(self._options.state),
            "uptime_seconds": round(time.monotonic() - self._started, 1),
            "stacks": references.count_stacks(),
            "jobs": 0,
            "endpoints": 0,
        }


def _build(context: Context) -> Service | None:
    service: Service | None = None
    if importlib.util.find_spec("trainyard.local.sagemaker") is not None:
        service = importlib.import_module("trainyard.local.sagemaker").build(context)
        cloudformation = importlib.import_module("trainyard.local.cloudformation")
        if hasattr(cloudformation, "register"):
            cloudformation.register({"sagemaker": service})
    return service
