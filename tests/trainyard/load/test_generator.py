"""What autocannon sends and what is made of its answers."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ports import free_port
from tests.trainyard.load.servers import serving
from trainyard.load import generator
from trainyard.load.generator import fire, percentile
from trainyard.load.request import Request
from trainyard.operations.connection import OperationError


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_has_its_share_below_it(values: list[float], share: float) -> None:
    """And the next smaller value has not."""
    ordered = sorted(values)
    found = percentile(ordered, share)
    assert sum(value <= found for value in ordered) >= share * len(ordered) - 1e-9
    assert sum(value < found for value in ordered) < share * len(ordered)


def test_nothing_has_no_percentile() -> None:
    """A level on which nothing was answered."""
    assert math.isnan(percentile([], 0.5))


@pytest.mark.slow
def test_every_kind_of_trouble_is_counted_by_itself() -> None:
    """An error code where the service names one, else the answer's text; the body arrives byte by byte as given."""
    sent = bytes(range(256))

    def answer(number: int, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        assert (body, headers["x-own"]) == (sent, "1")
        time.sleep(0.005)
        kinds = {
            0: (200, {}, b"fine"),
            1: (424, {"x-amzn-errortype": "ModelError:http://x"}, b"{}"),
            2: (503, {}, b"full"),
        }
        return kinds[number % 3]

    with serving(answer) as url:
        level = fire(Request(url=url, body=sent, headers={"x-own": "1"}), 2, 1)
    assert set(level.troubles) == {"424 ModelError", "503 full"}
    assert level.answers > 0
    assert abs(level.failed - 2 * level.answers) <= 4, "one of three was answered"
    assert 0.005 <= level.p50 <= level.p95 <= level.p99


@pytest.mark.slow
def test_a_server_that_is_not_there_is_told() -> None:
    """Refused connections are a kind of trouble too."""
    level = fire(Request(url=f"http://127.0.0.1:{free_port()}", body=b""), 1, 1)
    assert level.answers == 0
    assert list(level.troubles) == ["ECONNREFUSED"]


def test_without_autocannon_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """As after `pip install` alone."""
    monkeypatch.setattr(generator, "_PACKAGE", generator.Path("nowhere"))
    with pytest.raises(OperationError, match="npm"):
        fire(Request(url="http://127.0.0.1:1", body=b""), 1, 1)
