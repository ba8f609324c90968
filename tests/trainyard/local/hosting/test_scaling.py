"""Instances that come and go while the others serve."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trainyard.local.faults import Faults
from trainyard.local.hosting import variant
from trainyard.local.hosting.deployment import Deployment
from trainyard.local.hosting.plan import ContainerPlan, Plan, VariantPlan


class Replica:
    """An instance that is what the test says, from its first moment on."""

    comes_up = "healthy"

    def __init__(self, name: str, *_: Any, **__: Any) -> None:
        self.name, self.state, self.reason, self.outstanding = name.rpartition("/")[2], self.comes_up, "", 0
        self.serving = object()
        self.stopped = False

    def stop(self, *, graceful: bool) -> None:
        assert graceful
        self.stopped = True

    def join(self, _seconds: float) -> bool:
        return True


@pytest.fixture
def deploy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Deployment]:
    """A deployment of one variant of so many instances."""
    monkeypatch.setattr(Replica, "comes_up", "healthy")
    monkeypatch.setattr(variant, "Replica", Replica)
    monkeypatch.setattr(variant, "Shipper", lambda *_: SimpleNamespace(line=print, close=lambda: None))
    monkeypatch.setattr(variant, "opening", lambda *_: object())

    def make(count: int) -> Deployment:
        container = ContainerPlan(hostname="primary", image="i", data_url=None, variables={})
        plan = VariantPlan(
            name="live", model="m", containers=[container], direct=False, role="r", isolated=False,
            instance_type="ml.c5.xlarge", count=count, weight=1.0, routing="LEAST_OUTSTANDING_REQUESTS",
            start_seconds=1.0, download_seconds=1.0,
        )  # fmt: skip
        platform = SimpleNamespace(role_client=lambda *_: None)
        context: Any = SimpleNamespace(
            platform=platform, state=tmp_path, minute_seconds=60.0, faults=Faults(), missing=lambda _: None
        )
        made = Deployment(context, "e", Plan(id="1", config="c", variants=[plan]), lambda: None)
        assert made.start() == ""
        return made

    return make


def names(deployment: Deployment) -> list[str]:
    return [replica.name for replica in deployment.variants[0].replicas]


def test_new_instances_stand_beside_the_old_and_the_youngest_leave_first(deploy: Callable[[int], Deployment]) -> None:
    found = deploy(1)
    assert found.scale({"live": 3}) == ""
    assert names(found) == ["1", "2", "3"]
    assert found.scale({"live": 2}) == ""
    assert (names(found), found.variants[0].desired) == (["1", "2"], 2)


def test_an_instance_that_does_not_serve_leaves_before_the_others(deploy: Callable[[int], Deployment]) -> None:
    found = deploy(3)
    found.variants[0].replicas[0].state = "restarting"
    found.variants[0].shrink(2)
    assert names(found) == ["2", "3"]


def test_an_instance_leaves_when_it_has_answered_and_gets_nothing_new(deploy: Callable[[int], Deployment]) -> None:
    found = deploy(2)
    (first, leaving) = found.variants[0].replicas
    leaving.outstanding = 1
    thread = threading.Thread(target=found.scale, args=({"live": 1},))
    thread.start()
    deadline = time.monotonic() + 60
    while names(found) != ["1"] and time.monotonic() < deadline:
        time.sleep(0.005)
    first.outstanding = 9
    with found.variants[0].borrow() as chosen:
        assert chosen is not None
        assert chosen[0] is first
    time.sleep(0.05)
    assert not leaving.stopped
    leaving.outstanding = 0
    thread.join(60)
    assert leaving.stopped


def test_what_does_not_come_up_leaves_again(
    deploy: Callable[[int], Deployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = deploy(2)
    monkeypatch.setattr(Replica, "comes_up", "failed")
    assert "did not pass the ping health check" in found.scale({"live": 4})
    assert (names(found), found.variants[0].desired) == (["1", "2"], 2)
    assert found.healthy()


def test_none_is_a_number_of_instances(deploy: Callable[[int], Deployment]) -> None:
    found = deploy(1)
    assert found.scale({"live": 0}) == ""
    with found.variants[0].borrow() as chosen:
        assert chosen is None
    assert found.scale({"live": 1}) == ""
    assert names(found) == ["2"]
