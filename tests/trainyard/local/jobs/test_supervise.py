"""From start to end of a job's hosts, with hosts that do only what a test says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from trainyard.local.faults import Fault, Faults
from trainyard.local.jobs.control import Control, Ending
from trainyard.local.jobs.supervise import Outcome, Supervisor


@dataclass
class Fakes:
    """Hosts that end when they are told to, with the exit code that a test chose (None: only SIGKILL ends them)."""

    on_term: tuple[int | None, ...]
    names: list[str] = field(default_factory=list)
    signals: list[tuple[str, int]] = field(default_factory=list)
    supervisor: Any = None

    def __post_init__(self) -> None:
        self.names = [f"algo-{index + 1}" for index in range(len(self.on_term))]

    def terminate(self, host: int) -> None:
        self.signals.append(("TERM", host))
        code = self.on_term[host]
        if code is not None:
            self.supervisor.exited(host, code)

    def kill(self, host: int) -> None:
        self.signals.append(("KILL", host))
        self.supervisor.exited(host, 137)


def watch(
    hosts: Fakes,
    act: Callable[[Supervisor, Control], None],
    faults: Faults | None = None,
    limits: dict[Ending, float] | None = None,
    grace: float = 0.2,
) -> Outcome:
    control = Control()
    hosts.supervisor = Supervisor("job", hosts, control, faults or Faults(), grace)
    actor = threading.Thread(target=act, args=(hosts.supervisor, control))
    actor.start()
    outcome = hosts.supervisor.run(limits or {})
    actor.join()
    return outcome


def nothing(_supervisor: Supervisor, _control: Control) -> None:
    """Does nothing."""


def test_all_hosts_end_well() -> None:
    hosts = Fakes(on_term=(0, 0))

    def act(supervisor: Supervisor, _control: Control) -> None:
        supervisor.exited(1, 0)
        supervisor.exited(0, 0)

    outcome = watch(hosts, act)
    assert (outcome.order.ending, outcome.exit_codes, hosts.signals) == (Ending.COMPLETED, {1: 0, 0: 0}, [])


def test_one_failure_stops_the_others_once() -> None:
    hosts = Fakes(on_term=(5, 0, 0))
    outcome = watch(hosts, lambda supervisor, _: supervisor.exited(1, 3))
    assert (outcome.order.ending, outcome.order.host, outcome.exit_code) == (Ending.FAILED, 1, 3)
    assert hosts.signals == [("TERM", 0), ("TERM", 2)]


def test_a_stop_gives_the_grace_time_then_kills() -> None:
    hosts = Fakes(on_term=(0, None))
    started = time.monotonic()
    outcome = watch(hosts, lambda _, control: control.stop())
    assert 0.2 <= time.monotonic() - started < 2
    assert outcome.order.ending is Ending.STOPPED
    assert hosts.signals == [("TERM", 0), ("TERM", 1), ("KILL", 1)]


@pytest.mark.parametrize("ending", [Ending.MAX_RUNTIME, Ending.MAX_WAIT])
def test_a_limit_ends_the_hosts(ending: Ending) -> None:
    hosts = Fakes(on_term=(1,))
    assert watch(hosts, nothing, limits={ending: time.time() + 0.1}).order.ending is ending


def test_a_host_that_cannot_be_held_gets_no_grace() -> None:
    hosts = Fakes(on_term=(None, None))
    outcome = watch(hosts, lambda supervisor, _: supervisor.broken(0, "no namespace"), grace=60)
    assert (outcome.order.ending, outcome.order.detail) == (Ending.BROKEN, "no namespace")
    assert hosts.signals == [("TERM", 1), ("KILL", 1)]


def test_a_reclaim_strikes_at_its_time_and_only_once() -> None:
    faults = Faults()
    faults.inject(Fault(id="f", kind="SpotReclaim", created=time.time(), training_job="j?b", after_seconds=0.1,
                        restart_after_seconds=7))  # fmt: skip
    outcome = watch(Fakes(on_term=(0, 0)), nothing, faults)
    assert (outcome.order.ending, outcome.order.restart_after) == (Ending.RECLAIMED, 7)
    assert faults.watch("job", lambda _: None) == []


def test_a_fault_asked_for_later_strikes_too() -> None:
    faults = Faults()
    fault = Fault(id="f", kind="HostLoss", created=time.time(), training_job="job", host=2)
    hosts = Fakes(on_term=(0, 0))
    outcome = watch(hosts, lambda *_: faults.inject(fault), faults)
    assert (outcome.order.ending, outcome.order.host) == (Ending.HOST_LOST, 1)
    assert hosts.signals[0] == ("KILL", 1)


def test_a_fault_waits_for_its_line_and_other_jobs_never_see_it() -> None:
    faults = Faults()
    faults.inject(Fault(id="mine", kind="SpotReclaim", created=0, training_job="job", log_pattern="step 12$"))
    faults.inject(Fault(id="other", kind="SpotReclaim", created=0, training_job="else"))

    def act(supervisor: Supervisor, control: Control) -> None:
        supervisor.line("step 1")
        time.sleep(0.1)
        assert control.events.empty()
        supervisor.line("step 12")
        supervisor.line("step 12")

    outcome = watch(Fakes(on_term=(0,)), act, faults)
    assert outcome.order.ending is Ending.RECLAIMED
    assert [fault.id for fault in faults.remaining()] == ["other"]


def test_an_order_given_before_the_hosts_start_is_obeyed() -> None:
    control = Control()
    control.stop()
    hosts = Fakes(on_term=(0,))
    hosts.supervisor = Supervisor("job", hosts, control, Faults(), 1)
    assert hosts.supervisor.run({}).order.ending is Ending.STOPPED
