"""Orders to the thread of a job, from the threads of requests, hosts and faults."""

import enum
import queue
import threading
from dataclasses import dataclass, field

from trainyard.local.faults import Fault


class Ending(enum.Enum):
    """Why the hosts of a job end."""

    COMPLETED = enum.auto()
    FAILED = enum.auto()
    STOPPED = enum.auto()
    MAX_RUNTIME = enum.auto()
    MAX_WAIT = enum.auto()
    RECLAIMED = enum.auto()
    HOST_LOST = enum.auto()
    BROKEN = enum.auto()
    """The platform itself could not start or hold a host."""
    SHUTDOWN = enum.auto()
    """The cloud goes down; the job goes on, or fails, when it comes up again."""


@dataclass(frozen=True, kw_only=True)
class Exited:
    """A host's entrypoint ended."""

    host: int
    """Number of the host, from 0."""
    code: int
    """Exit code, 128 + n after signal n."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """The hosts shall end."""

    ending: Ending
    """Why."""
    host: int | None = None
    """The host that is the reason."""
    detail: str = ""
    """What the platform says to it."""
    restart_after: float = 0.0
    """Time until there is capacity again, in seconds."""
    fault: str = ""
    """Id of the fault that took the hosts."""


@dataclass(frozen=True, kw_only=True)
class Requested:
    """Somebody asked for a fault."""

    fault: Fault
    """The fault."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A line that a fault waits for came."""

    fault: Fault
    """The fault."""


Event = Exited | Order | Requested | Seen


@dataclass(kw_only=True)
class Control:
    """What the thread of a job listens to."""

    events: "queue.SimpleQueue[Event]" = field(default_factory=queue.SimpleQueue)
    """What it has not seen yet."""
    ordered: threading.Event = field(default_factory=threading.Event)
    """Set when the job shall stop or the cloud goes down, for the phases without hosts."""
    ending: Ending | None = None
    """Which of the two."""

    def renew(self) -> None:
        """Forgets what an earlier attempt left unseen, but no order to end."""
        while not self.events.empty():
            self.events.get()
        if self.ending:
            self.events.put(Order(ending=self.ending))

    def stop(self) -> None:
        """Asks for the end of the job."""
        self._end(Ending.STOPPED)

    def shutdown(self) -> None:
        """Says that the cloud goes down."""
        self._end(Ending.SHUTDOWN)

    def _end(self, ending: Ending) -> None:
        self.ending = self.ending or ending
        self.ordered.set()
        self.events.put(Order(ending=ending))
