"""An update under guardrails: step by step to the new fleet, and back when an alarm says so."""

import time
from collections.abc import Callable

from trainyard.local.hosting.deployment import Deployment
from trainyard.local.hosting.guardrails import Guardrails, instances
from trainyard.local.update_alarms import Alarms, RolledBack

_POLL_SECONDS = 0.25
_ALARM_SECONDS = 1.0


class Rollout:
    """One update of one endpoint."""

    def __init__(
        self,
        blue: Deployment,
        green: Deployment,
        guard: Guardrails,
        alarms: Alarms,
        *,
        cancelled: Callable[[], bool],
        rolling_back: Callable[[str], None],
    ) -> None:
        """Composes it.

        Args:
            blue: what serves now.
            green: what shall serve; not started.
            guard: how it goes.
            alarms: what takes it back.
            cancelled: whether the endpoint or the cloud ends.
            rolling_back: told why, before the way back begins.
        """
        self._blue, self._green, self._guard, self._alarms = blue, green, guard, alarms
        self._cancelled, self._rolling_back = cancelled, rolling_back
        self._deadline = time.monotonic() + guard.timeout_seconds
        self._before = sum(len(variant.replicas) for variant in blue.variants)

    def run(self) -> str:
        """Shifts all requests to the new fleet.

        Returns:
            Empty, or why the old fleet serves as before.
        """
        try:
            # What rings before anything has changed would take the new fleet for the culprit.
            self._alarms.check()
            self._roll() if self._guard.batch is not None else self._shift()
        except RolledBack as reason:
            if not self._cancelled():
                self._rolling_back(str(reason))
                self._back()
            return str(reason)
        return ""

    def _shift(self) -> None:
        guard = self._guard
        self._must(self._green.start())
        self._alarms.check()
        total = sum(variant.plan.count for variant in self._green.variants)
        for share in guard.shares(total):
            self._give(share)
            self._bake(guard.wait_seconds)
        self._bake(guard.termination_seconds)

    def _roll(self) -> None:
        (old,), (new,) = self._blue.variants, self._green.variants
        name, before, total = new.plan.name, len(old.replicas), new.plan.count
        if total == 0:
            self._must(self._green.start())
            return
        batch = instances(self._guard.batch, total)
        ready = min(batch, total)
        self._must(self._green.start({name: ready}))
        self._alarms.check()
        while True:
            self._give(ready / total)
            self._bake(self._guard.wait_seconds)
            # What is new takes the place of as large a part of what is old.
            self._must(self._blue.scale({name: before - before * ready // total}))
            if ready == total:
                return
            ready = min(total, ready + batch)
            self._must(self._green.scale({name: ready}))

    def _back(self) -> None:
        if self._guard.batch is not None and self._green.served:
            (old,) = self._blue.variants
            name, total = old.plan.name, self._before
            batch = instances(self._guard.rollback_batch, total)
            while len(old.replicas) < total and not self._cancelled():
                if self._blue.scale({name: min(total, len(old.replicas) + batch)}):
                    break  # what is left of the old fleet serves alone; its instances are started again
                self._green.share = min(self._green.share, 1 - len(old.replicas) / total)
        self._green.share = 0.0

    def _give(self, share: float) -> None:
        self._green.become("ActivatingTraffic")
        self._green.share = share
        self._green.served = True

    def _bake(self, seconds: float) -> None:
        """Watches the alarms for a while; at least once."""
        self._green.become("Baking")
        end = time.monotonic() + seconds
        looked = 0.0
        while True:
            now = time.monotonic()
            if self._cancelled():
                raise RolledBack("it was stopped before it was in service")
            if now >= self._deadline:
                raise RolledBack("The deployment took longer than MaximumExecutionTimeoutInSeconds")
            if now - looked >= _ALARM_SECONDS or now >= end:
                self._must(self._green.failure())
                self._alarms.check()
                looked = now
            if now >= end:
                return
            time.sleep(min(_POLL_SECONDS, end - now))

    def _must(self, reason: str) -> None:
        if reason:
            raise RolledBack(reason)
