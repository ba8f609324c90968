"""What becomes of endpoints when the cloud starts again, by the status that it left them in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trainyard.local.api.service import Context
from trainyard.local.api.store import Store
from trainyard.local.faults import Faults
from trainyard.local.hosting import Hosting, lifecycle
from trainyard.local.hosting.components import Components
from trainyard.local.hosting.lifecycle import Lifecycle
from trainyard.local.hosting.plan import ContainerPlan, Plan, VariantPlan
from trainyard.local.sagemaker import build


class Deployment:
    """A deployment that is healthy at once, or never."""

    def __init__(self, _context: Context, _name: str, plan: Plan, _changed: Callable[[], None], _home: Any) -> None:
        self.plan, self.variants, self.closed, self.share, self.served = plan, [], False, 0.0, False

    def start(self, _counts: Any = None) -> str:
        return "it does not start" if self.plan.config == "broken" else ""

    def stop(self, **_: Any) -> None:
        self.closed = True

    def become(self, phase: str) -> None:
        """Nobody looks."""

    def failure(self) -> str:
        return ""

    def healthy(self) -> bool:
        return True


def plan(identity: str, config: str = "c") -> dict[str, Any]:
    container = ContainerPlan(hostname="primary", image="i", data_url=None, variables={})
    variant = VariantPlan(
        name="live", model="m", containers=[container], direct=False, role="r", isolated=False, instance_type="t",
        count=1, weight=1.0, routing="RANDOM", start_seconds=1.0, download_seconds=1.0,
    )  # fmt: skip
    return Plan(id=identity, config=config, variants=[variant]).to_json()


def test_components_begin_and_end_with_the_cloud(tmp_path: Path) -> None:
    context: Any = SimpleNamespace(
        store=Store(tmp_path / "trainyard.db"),
        platform=SimpleNamespace(),
        state=tmp_path,
        minute_seconds=60.0,
        announce=lambda *_: None,
        measure=lambda *_: None,
    )
    assert {Hosting, Components} <= {type(family) for family in build(context).families}


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Starts a cloud that finds an endpoint as it is given, and returns what became of it."""
    monkeypatch.setattr(lifecycle, "Deployment", Deployment)
    monkeypatch.setattr("trainyard.local.hosting.rollout.Alarms.check", lambda _self: None)

    def run(status: str, **changes: Any) -> dict[str, Any]:
        context = Context(
            store=Store(tmp_path / "trainyard.db"), platform=SimpleNamespace(), state=tmp_path,
            account="123456789012", region="us-east-1", faults=Faults(),
        )  # fmt: skip
        document = {
            "Name": "e", "EndpointName": "e", "EndpointArn": "arn", "EndpointConfigName": "c", "EndpointStatus": status,
            "CreationTime": 0.0, "LastModifiedTime": 0.0, "Plan": plan("old"), "Pending": None, **changes,
        }  # fmt: skip
        context.store.insert("endpoint", "e", document)
        found = Lifecycle(context)
        found.start()
        found._workers.join(5)
        return context.store.get("endpoint", "e") or {}

    return run


def ending(found: dict[str, Any]) -> tuple[str, str | None, Any]:
    return found["EndpointStatus"], (found["Plan"] or {}).get("id"), found["Pending"]


def test_what_served_serves_again(begin: Callable[..., dict[str, Any]]) -> None:
    assert ending(begin("InService")) == ("InService", "old", None)


def test_an_update_begins_again_and_ends(begin: Callable[..., dict[str, Any]]) -> None:
    found = begin("Updating", Pending=plan("new", "next"))
    assert (ending(found), found["EndpointConfigName"]) == (("InService", "new", None), "next")


def test_an_update_that_fails_then_leaves_the_old_fleet(begin: Callable[..., dict[str, Any]]) -> None:
    found = begin("Updating", Pending=plan("new", "broken"))
    assert ending(found) == ("InService", "old", None)
    assert found["FailureReason"] == "it does not start"


def test_a_way_back_is_at_its_end(begin: Callable[..., dict[str, Any]]) -> None:
    found = begin("RollingBack", Pending=plan("new"), FailureReason="an alarm")
    assert ending(found) == ("InService", "old", None)
    assert found["FailureReason"] == "an alarm"


def test_a_scaling_has_its_numbers(begin: Callable[..., dict[str, Any]]) -> None:
    assert ending(begin("Updating")) == ("InService", "old", None)


def test_a_creation_begins_again(begin: Callable[..., dict[str, Any]]) -> None:
    assert ending(begin("Creating", Plan=None, Pending=plan("new"))) == ("InService", "new", None)


def test_a_deletion_ends(begin: Callable[..., dict[str, Any]]) -> None:
    assert begin("Deleting") == {}


def test_what_failed_stays_so(begin: Callable[..., dict[str, Any]]) -> None:
    assert begin("Failed")["EndpointStatus"] == "Failed"
