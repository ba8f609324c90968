"""Signs of life of a job, from the process that started its ranks: it speaks on when they hang.

A rank that waits for ever in a collective prints nothing, and neither does a job that is not there. So what is told is
the silence itself, while the container runs; where no container runs nothing is told.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ml_contract import pulse
from ml_contract.errors import ContractError
from ml_contract.paths import ContainerPaths
from ml_contract.resources import ResourceConfig
from training_code.launcher.job import read_run
from training_code.log import say
from training_code.vitals import VARIABLE, Vitals


class Pulse:
    """Writes a sign every so many seconds, in a thread of its own."""

    def __init__(
        self, file: Path, *, subject: str, job: str, every_seconds: float, write: Callable[[str], None] = say
    ) -> None:
        """Compose it.

        Args:
            file: Where the first rank leaves its vitals.
            subject: Whose life it is.
            job: Name of the job.
            every_seconds: Time between two signs.
            write: Takes a line of the log.
        """
        self._file, self._subject, self._job, self._every, self._write = file, subject, job, every_seconds, write
        self._began = time.monotonic()
        self._ended = threading.Event()

    @classmethod
    def begin(cls, paths: ContainerPaths) -> dict[str, str]:
        """Start it on the first host of a job whose life somebody watches.

        Args:
            paths: Of the container contract.

        Returns:
            What the ranks' environment needs besides: where the first one leaves its vitals.
        """
        try:
            watching = read_run(paths).watching
            leads = ResourceConfig.read(paths).is_leader
        except ContractError:
            # Whoever reads them to train says what is wrong; a program of somebody else has none.
            return {}
        if watching.subject is None or not leads:
            return {}
        file = Path(tempfile.mkdtemp(prefix="trainyard-")) / "vitals.json"
        started = cls(
            file, subject=watching.subject, job=os.environ.get(pulse.JOB, ""),
            every_seconds=watching.pulse_seconds,
        )  # fmt: skip
        threading.Thread(target=started.run, name="pulse", daemon=True).start()
        return {VARIABLE: str(file)}

    def run(self) -> None:
        """Write signs until it is stopped. What keeps it from reading keeps nobody from training."""
        while not self._ended.wait(self._every):
            try:
                vitals = Vitals.read(self._file)
            except (OSError, ValueError, TypeError) as error:
                say(f"pulse: {type(error).__name__}: {error}")
                vitals = None
            self._write(self.sign(vitals))

    def stop(self) -> None:
        """End it."""
        self._ended.set()

    def sign(self, vitals: Vitals | None) -> str:
        """The line of now; a run without a step yet has been silent since its container started."""
        now, clock = time.monotonic(), time.time()
        if vitals is None:
            values = {pulse.SILENCE: now - self._began}
        else:
            values = {pulse.SILENCE: now - vitals.stepped_at, pulse.RUNNING: clock - vitals.started}
            if vitals.at_risk is not None:
                values[pulse.CHECKPOINT_AGE] = vitals.at_risk
        return pulse.line(self._subject, values, at=clock, job=self._job)
