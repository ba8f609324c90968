"""The faults that somebody asked for and that have not struck yet."""

import threading
import time
from collections.abc import Callable, Sequence

from trainyard.local.api.store import Store
from trainyard.local.faults.fault import Fault

_KIND = "Fault"


class Faults:
    """The faults that somebody asked for and that have not struck yet; they outlive a restart of the cloud."""

    def __init__(self, store: Store | None = None) -> None:
        """Loads what `store` still holds; without a store nothing is kept."""
        self._store = store
        self._lock = threading.RLock()
        self._faults = {row["id"]: Fault(**row) for row in store.list(_KIND)} if store else {}
        self._watchers: dict[str, Callable[[Fault], None]] = {}
        self._away: set[str] = set()

    def inject(self, fault: Fault) -> None:
        """Adds a fault and tells the running jobs that it concerns."""
        with self._lock:
            self._faults[fault.id] = fault
            if self._store:
                self._store.insert(_KIND, fault.id, vars(fault))
            watchers = [tell for job, tell in self._watchers.items() if fault.ends_hosts_of(job)]
        for tell in watchers:
            tell(fault)

    def remaining(self) -> list[Fault]:
        """Those that have not struck yet, oldest first."""
        with self._lock:
            return list(self._faults.values())

    def clear(self, identity: str | None = None) -> list[str]:
        """Takes one back, or all; returns the ids of those that there were. Hosts that a reclaim took come back."""
        with self._lock:
            there = [*self._faults, *(self._away - set(self._faults))]
            cleared = [fault for fault in there if identity in (None, fault)]
            for fault in cleared:
                self._away.discard(fault)
                if self._faults.pop(fault, None) and self._store:
                    self._store.delete(_KIND, fault)
        return cleared

    def watch(self, job: str, tell: Callable[[Fault], None]) -> list[Fault]:
        """Names a running job: `tell` is called for each further fault that concerns it; returns those there are."""
        with self._lock:
            self._watchers[job] = tell
            return [fault for fault in self._faults.values() if fault.ends_hosts_of(job)]

    def unwatch(self, job: str) -> None:
        """Ends `watch`."""
        with self._lock:
            self._watchers.pop(job, None)

    def strike(self, fault: Fault) -> bool:
        """Uses a fault once; False when another job was quicker or somebody took it back."""
        with self._lock:
            current = self._faults.get(fault.id)
            if current is None:
                return False
            self._keep(current, count=current.count - 1)
            if fault.ends_hosts and fault.restart_after_seconds:
                self._away.add(fault.id)
            return True

    def keeps_away(self, identity: str) -> bool:
        """Whether the hosts that a reclaim took stay away: nobody has taken it back since."""
        with self._lock:
            return identity in self._away

    def returned(self, identity: str) -> None:
        """The time is over for which a reclaim kept hosts away."""
        with self._lock:
            self._away.discard(identity)

    def disk_limit(self, job: str) -> int | None:
        """Uses a DiskFull fault that concerns `job`: the room of each host's /opt/ml in bytes, or None."""
        fault = self._use(lambda fault: fault.fills_disks_of(job))
        return fault.size_in_bytes if fault else None

    def shortage(self, instance_types: Sequence[str]) -> Fault | None:
        """A CapacityShortage of one of these types that lasts, or None; it is not used by this."""
        with self._lock:
            for fault in list(self._faults.values()):
                if fault.kind != "CapacityShortage":
                    continue
                if fault.restart_after_seconds and time.time() >= fault.created + fault.restart_after_seconds:
                    self._keep(fault, count=0)
                elif fault.takes_instances(instance_types):
                    return fault
        return None

    def match_s3(self, bucket: str, key: str, operation: str) -> Fault | None:
        """Uses an S3Error fault that concerns a request: the error to answer it with, or None.

        Args:
            bucket: the request's bucket.
            key: the request's key; empty for requests on the bucket.
            operation: name in the S3 API, as `PutObject`.
        """
        return self._use(lambda fault: fault.strikes_request(bucket, key, operation))

    def match_node(self, kind: str, cluster: str, names: Sequence[str]) -> Fault | None:
        """Uses a fault of that kind that concerns a cluster's node and is due, or None.

        Args:
            kind: NodeLoss, NodeHealth or DeepHealthCheckFailure.
            cluster: the cluster's name.
            names: what a fault may call the node.
        """
        return self._use(lambda fault: fault.strikes_node(kind, cluster, names))

    def _use(self, concerns: Callable[[Fault], bool]) -> Fault | None:
        """Uses the first fault that concerns something, unless it still lets it pass."""
        if not self._faults:
            return None
        with self._lock:
            fault = next(filter(concerns, self._faults.values()), None)
            if fault is not None and fault.skip:
                self._keep(fault, skip=fault.skip - 1)
                return None
            if fault is not None:
                self._keep(fault, count=fault.count - 1)
            return fault

    def _keep(self, fault: Fault, **changes: int) -> None:
        kept = Fault(**(vars(fault) | changes))
        if kept.count > 0:
            self._faults[fault.id] = kept
        else:
            del self._faults[fault.id]
        if self._store:
            if kept.count > 0:
                self._store.update(_KIND, fault.id, **changes)
            else:
                self._store.delete(_KIND, fault.id)
