"""From the start of a job's hosts to their end: exits, stops, time limits, reclaims."""

import queue
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trainyard.local.faults import Fault, Faults
from trainyard.local.jobs.control import Control, Ending, Event, Exited, Order, Requested, Seen
from trainyard.local.jobs.hosts import Hosts
from trainyard.local.namespaces.process import Listener

_SHUTDOWN_GRACE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an attempt ended."""

    order: Order
    """Why."""
    exit_codes: Mapping[int, int]
    """Exit code of each host's entrypoint (number from 0)."""
    last_line: str = ""
    """What the host that failed wrote last; empty where it wrote nothing."""

    @property
    def exit_code(self) -> int | None:
        """The exit code of the host that failed."""
        return None if self.order.host is None else self.exit_codes.get(self.order.host)


class Supervisor:
    """Watches one attempt of a job."""

    def __init__(self, job: str, hosts: Hosts, control: Control, faults: Faults, grace: float) -> None:
        """Prepares the watch, before the hosts start, so that no line is missed.

        Args:
            job: name of the job.
            hosts: its hosts.
            control: what it listens to.
            faults: faults that may strike it.
            grace: time between SIGTERM and SIGKILL, in seconds.
        """
        self._job, self._hosts, self._control, self._faults, self._grace = job, hosts, control, faults, grace
        self._started = time.time()
        self._due: list[tuple[float, Fault]] = []
        self._patterns: list[tuple[re.Pattern[str], Fault]] = []
        self._lock = threading.Lock()
        control.renew()
        for fault in faults.watch(job, lambda fault: control.events.put(Requested(fault=fault))):
            self._expect(fault)

    def line(self, text: str) -> None:
        """Looks for what faults wait for in a line; called from the threads that read the hosts' logs."""
        if not self._patterns:
            return
        with self._lock:
            for row in [row for row in self._patterns if row[0].search(text)]:
                self._patterns.remove(row)
                self._control.events.put(Seen(fault=row[1]))

    def exited(self, host: int, code: int) -> None:
        """Takes the end of a host's entrypoint."""
        self._control.events.put(Exited(host=host, code=code))

    def broken(self, host: int, detail: str) -> None:
        """Takes that a host could not be started or held."""
        self._control.events.put(Order(ending=Ending.BROKEN, host=host, detail=detail))
        self._control.events.put(Exited(host=host, code=137))

    def listener(self, line: Callable[[int, str], None]) -> Listener:
        """Who hears of the hosts: this, and whoever takes lines."""

        def take(host: int, text: str) -> None:
            line(host, text)
            self.line(text)

        return Listener(line=take, exit=self.exited, broken=self.broken)

    def run(self, limits: Mapping[Ending, float]) -> Outcome:
        """Waits for the end of all hosts.

        Args:
            limits: what ends the job by time → when, in seconds since 1970.
        """
        try:
            return self._run(limits)
        finally:
            self._faults.unwatch(self._job)

    def _run(self, limits: Mapping[Ending, float]) -> Outcome:
        running = set(range(len(self._hosts.names)))
        codes: dict[int, int] = {}
        order: Order | None = None
        kill_at = float("inf")
        while running:
            event = self._wait(kill_at) if order else self._order(limits)
            if isinstance(event, Exited):
                running.discard(event.host)
                codes[event.host] = event.code
                if event.code == 0 or order:
                    continue
                event = Order(ending=Ending.FAILED, host=event.host)
            if order is None:
                assert isinstance(event, Order)
                order = event
                kill_at = time.time() + self._end(order, running)
            elif event is None:
                kill_at = float("inf")
                for host in running:
                    self._hosts.kill(host)
        return Outcome(order=order or Order(ending=Ending.COMPLETED), exit_codes=codes)

    def _end(self, order: Order, running: set[int]) -> float:
        """Asks the hosts to end; returns the time they get, in seconds."""
        if order.ending is Ending.HOST_LOST and order.host in running:
            self._hosts.kill(order.host)
        for host in running - {order.host}:
            self._hosts.terminate(host)
        if order.ending is Ending.SHUTDOWN:
            return min(self._grace, _SHUTDOWN_GRACE_SECONDS)
        return 0.0 if order.ending is Ending.BROKEN else self._grace

    def _wait(self, until: float) -> Event | None:
        """The next event; None when the time is over."""
        try:
            timeout = None if until == float("inf") else max(0.0, until - time.time())
            return self._control.events.get(timeout=timeout)
        except queue.Empty:
            return None

    def _order(self, limits: Mapping[Ending, float]) -> Exited | Order:
        """Waits until a host ends or there is a reason to end them all."""
        while True:
            event = self._wait(min([*limits.values(), *(due for due, _ in self._due)], default=float("inf")))
            if isinstance(event, Exited | Order):
                return event
            if isinstance(event, Requested):
                self._expect(event.fault)
            elif isinstance(event, Seen):
                self._due.append((time.time() + event.fault.after_seconds, event.fault))
            elif order := self._timed(limits):
                return order

    def _timed(self, limits: Mapping[Ending, float]) -> Order | None:
        now = time.time()
        for ending, limit in limits.items():
            if limit <= now:
                return Order(ending=ending)
        for row in [row for row in self._due if row[0] <= now]:
            self._due.remove(row)
            fault = row[1]
            if self._faults.strike(fault):
                lost = fault.kind == "HostLoss"
                return Order(
                    ending=Ending.HOST_LOST if lost else Ending.RECLAIMED,
                    host=min(fault.host, len(self._hosts.names)) - 1 if lost else None,
                    restart_after=fault.restart_after_seconds,
                    fault=fault.id,
                )
        return None

    def _expect(self, fault: Fault) -> None:
        """Remembers a fault until its line or its time comes."""
        if fault.log_pattern:
            with self._lock:
                self._patterns.append((re.compile(fault.log_pattern), fault))
        else:
            self._due.append((max(self._started, fault.created) + fault.after_seconds, fault))
