from datetime import UTC, datetime, timedelta

import pytest

from ml_contract import metrics
from trainyard.demo.runs import compare
from trainyard.demo.stage import CheckFailed
from trainyard.operations.logs import Line
from trainyard.operations.training import TrainingRun, observe

START = datetime(2026, 11, 21, tzinfo=UTC)


def log(stream: str, first: int, losses: list[float], restored: int | None = None) -> list[Line]:
    texts = [metrics.line(restored, {metrics.RESTORED_STEP: float(restored)})] if restored is not None else []
    texts += [metrics.line(first + index, {metrics.LOSS: loss}) for index, loss in enumerate(losses)]
    return [Line(time=START + timedelta(seconds=index), stream=stream, text=text) for index, text in enumerate(texts)]


def run(lines: list[Line], interruptions: int = 0) -> TrainingRun:
    transitions = tuple({"Status": "Interrupted", "StartTime": START} for _ in range(interruptions))
    return TrainingRun(
        job="j", status="Completed", hyperparameters={}, transitions=transitions, observations=tuple(observe(lines))
    )


def test_each_stream_of_a_host_is_a_start() -> None:
    found = run(log("j/algo-1-100", 1, [3.0, 2.0]) + log("j/algo-1-200", 2, [2.0, 1.0], restored=1), 1)
    assert found.attempts == 2
    assert found.losses() == {1: [3.0], 2: [2.0, 2.0], 3: [1.0]}
    assert found.resumed_from() == [1]


def test_streams_of_other_hosts_are_no_restarts() -> None:
    assert run(log("j/algo-1-100", 1, [3.0]) + log("j/algo-2-100", 1, [3.0])).attempts == 1


UNDISTURBED = run(log("j/algo-1-1", 1, [3.0, 2.0, 1.0]))


def test_equal_losses_are_said_to_be_equal() -> None:
    resumed = run(log("j/algo-1-1", 1, [3.0, 2.0]) + log("j/algo-1-2", 2, [2.0, 1.0], restored=1), 1)
    assert "all 3 losses equal" in compare(UNDISTURBED, resumed)
    assert "1 steps done again" in compare(UNDISTURBED, resumed)


@pytest.mark.parametrize(
    ("lines", "interruptions", "failure"),
    [
        (log("j/algo-1-1", 1, [3.0, 2.0, 1.0]), 0, "not reclaimed"),
        (log("j/algo-1-1", 1, [3.0]) + log("j/algo-1-2", 1, [3.0, 2.0, 1.0]), 1, "did not resume"),
        (log("j/algo-1-1", 1, [3.0]) + log("j/algo-1-2", 2, [2.0], restored=1), 1, r"\[3\] were done in one run only"),
        (
            log("j/algo-1-1", 1, [3.0, 2.0]) + log("j/algo-1-2", 2, [2.0000000000000004, 1.0], restored=1),
            1,
            r"steps \[2\] differ",
        ),
    ],
)
def test_what_is_not_equal_fails(lines: list[Line], interruptions: int, failure: str) -> None:
    with pytest.raises(CheckFailed, match=failure):
        compare(UNDISTURBED, run(lines, interruptions))
