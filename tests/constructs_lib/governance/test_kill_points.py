"""The function under faults at every call, beside CloudFormation's protocol: whatever dies, what is there is what the
stack says, nothing of its own stays behind, and nobody else's is touched.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.constructs_lib.governance.conftest import World, request
from tests.constructs_lib.governance.test_entry import Event, event
from trainyard.local.governance import versioned

pytestmark = pytest.mark.slow
quickly = settings(max_examples=40)
TRIES = 3
"""How often Lambda runs an event that was not answered. Source: "Asynchronous invocation", Lambda Developer Guide."""
MADE_UP = "governance-Quota-1ABCDEFGHIJKL"
"""Physical id that CloudFormation gives to what was never answered."""
Fault = Literal["throttled", "denied", "lost", "timed out", "died", "died after"]
_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Half of an example's time is its database on a disk."""
FAULTS: tuple[Fault, ...] = ("throttled", "denied", "lost", "timed out", "died", "died after")


class Died(BaseException):
    """The function's process is gone."""


class Faulty:
    """A client whose calls fail by a plan: the number of a call, and what happens to it."""

    def __init__(self, inner: Any, plan: dict[int, Fault]) -> None:
        self._inner, self.plan, self.calls = inner, plan, 0

    def _call(self, name: str, work: Callable[[], Any]) -> Any:
        fault = self.plan.get(self.calls)
        self.calls += 1
        if fault in ("throttled", "denied"):
            code = {"throttled": "ThrottlingException", "denied": "AccessDeniedException"}[fault]
            raise ClientError({"Error": {"Code": code, "Message": "planned"}}, name)
        if fault == "lost":
            raise ReadTimeoutError(endpoint_url="https://sagemaker")
        if fault == "died":
            raise Died
        done = work()
        if fault == "timed out":
            raise ReadTimeoutError(endpoint_url="https://sagemaker")
        if fault == "died after":
            raise Died
        return done

    def __getattr__(self, name: str) -> Any:
        return lambda **asked: self._call(name, lambda: getattr(self._inner, name)(**asked))

    def get_paginator(self, name: str) -> Any:
        class Pages:
            paginate = staticmethod(
                lambda **asked: self._call(name, lambda: self._inner.get_paginator(name).paginate(**asked))
            )

        return Pages


class Stack:
    """CloudFormation, as far as one custom resource sees it."""

    def __init__(self, world: World, plan: dict[int, Fault]) -> None:
        self.world, self.client = world, Faulty(world.sagemaker, plan)
        self.answers: list[dict[str, Any]] = []

    def ask(self, kind: str, wanted: Any, identity: str | None = None, old: Any = None) -> tuple[bool, str | None]:
        """Whether a request succeeded, and the id that it was answered with; None where nobody answered."""
        from compute_quota import index
        from compute_quota.quotas import Quotas

        told: Event = event(kind, wanted, identity, old)
        for _ in range(TRIES):
            self.world.seconds_left = 300.0
            try:
                index.serve(told, Quotas(self.client, lambda: self.world.seconds_left, self.world.sleep))
            except Died:
                self.world.now += 60
                continue
            answer = self.answers.pop()
            return answer["Status"] == "SUCCESS", answer["PhysicalResourceId"]
        return False, None

    def create(self) -> str | None:
        """Make the resource; None where it was rolled back."""
        done, identity = self.ask("Create", request())
        if done:
            return identity
        self.delete(identity or MADE_UP, request())
        return None

    def update(self, identity: str, wanted: Any, old: Any) -> str:
        """Change it; its id afterwards, whether or not it was rolled back."""
        done, found = self.ask("Update", wanted, identity, old)
        if done and found is not None:
            now, other, left = found, identity, old
        else:
            self.client.plan.clear()
            done, back = self.ask("Update", old, found or identity, wanted)
            assert done, "UPDATE_ROLLBACK_FAILED"
            assert back is not None
            now, other, left = back, found or identity, wanted
        if now != other:
            self.delete(other, left)
        return now

    def delete(self, identity: str, known: Any) -> None:
        """Remove it. What fails is tried again by whoever deploys, after the faults are over."""
        if not self.ask("Delete", known, identity)[0]:
            self.client.plan.clear()
            assert self.ask("Delete", known, identity)[0], "DELETE_FAILED"


@contextmanager
def stack(plan: dict[int, Fault]) -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(dir=_MEMORY) as folder, pytest.MonkeyPatch.context() as patch:
        world = World(Path(folder))
        patch.setattr(versioned, "time", world)
        found = Stack(world, plan)

        def answer(asked: Event, *, identity: str, data: Any = None, reason: str | None = None) -> None:
            found.answers.append({"Status": "FAILED" if reason else "SUCCESS", "PhysicalResourceId": identity})

        from compute_quota import index

        patch.setattr(index, "answer", answer)
        patch.setattr("builtins.print", lambda *_: None)
        world.quotas().make(request("others"), "somebody else")
        yield found


def ours(found: Stack) -> list[dict[str, Any]]:
    """What is there beside the quota of others, which is as it was."""
    there = found.world.there()
    (foreign,) = (one for one in there if one["Name"] == "others")
    assert foreign["ComputeQuotaVersion"] == 1
    return [one for one in there if one is not foreign]


def is_as_asked(quota: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(quota[name] == wanted[name] for name in ("Name", "ComputeQuotaConfig", "ActivationState"))


plans = st.dictionaries(st.integers(0, 14), st.sampled_from(FAULTS), max_size=6)
changes = st.sampled_from([request(count=1), request("vision"), request(ActivationState="Disabled")])


@quickly
@given(plans)
def test_what_a_stack_makes_is_there_once_or_not_at_all(plan: dict[int, Fault]) -> None:
    with stack(plan) as found:
        identity = found.create()
        there = ours(found)
        assert [one["ComputeQuotaId"] for one in there] == ([identity] if identity else [])
        assert all(is_as_asked(one, request()) for one in there)


@quickly
@given(plans, changes)
def test_a_change_stands_or_is_taken_back(plan: dict[int, Fault], wanted: dict[str, Any]) -> None:
    with stack({}) as found:
        before = found.create()
        assert before is not None
        found.client.plan, found.client.calls = plan, 0
        identity = found.update(before, wanted, request())
        (there,) = ours(found)
        assert there["ComputeQuotaId"] == identity
        assert is_as_asked(there, wanted) or is_as_asked(there, request())


@quickly
@given(plans, changes, st.integers(0, 8))
def test_what_somebody_deletes_in_the_middle_is_there_again(
    plan: dict[int, Fault], wanted: dict[str, Any], when: int
) -> None:
    with stack({}) as found:
        before = found.create()
        assert before is not None
        world, whole = found.world, found.client._call

        def call(name: str, work: Callable[[], Any]) -> Any:
            if found.client.calls == when and world.quotas().describe(before):
                world.now += 60
                world.quotas().remove(before)
            return whole(name, work)

        found.client.plan, found.client.calls = plan, 0
        found.client._call = call
        identity = found.update(before, wanted, request())
        there = ours(found)
        # Deleted after the last look it is gone, and the schedule tells it.
        assert [one["ComputeQuotaId"] for one in there] in ([identity], [])
        assert there or identity == before


@quickly
@given(plans)
def test_what_a_stack_removes_is_gone(plan: dict[int, Fault]) -> None:
    with stack({}) as found:
        identity = found.create()
        assert identity is not None
        found.client.plan, found.client.calls = plan, 0
        found.delete(identity, request())
        assert ours(found) == []
