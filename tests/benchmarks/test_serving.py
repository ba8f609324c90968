"""The serving benchmark's own arithmetic, and that its servers answer the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.serving import ALONE, CASES, LEVELS, RAW_BATCHED, TUNED, engine, latency, throughput
from benchmarks.serving_models import CLASSES, Classifier, rows, session
from trainyard.load.generator import Level
from trainyard.tune.settings import Settings


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model's."""
    folder = tmp_path_factory.mktemp("serving")
    Classifier(width=16).write(folder / "model")
    return folder / "model" / "artifact" / "model.onnx"


def _level(answers: int, *, batch: float | None = None) -> Level:
    return Level(concurrency=1, seconds=1.0, answers=answers, troubles={}, p50=0.001, p95=0.002, p99=0.003, batch=batch)


def test_ratios_are_of_medians_over_rounds() -> None:
    """One slow round changes nothing."""
    found = {case: {level: [_level(100)] * 3 for level in LEVELS} for case in CASES}
    found[TUNED] = {level: [_level(80, batch=4.0), _level(1, batch=1.0), _level(90, batch=6.0)] for level in LEVELS}
    found[RAW_BATCHED] = {level: [_level(200)] * 3 for level in LEVELS}
    for row in throughput("m", found):
        assert (row[f"tuned/{RAW_BATCHED}"], row[f"tuned/{ALONE}"]) == (0.4, 0.8)
    assert [row["batch"] for row in latency("m", found, Settings())] == [4.0] * len(LEVELS)


def test_the_engine_alone_counts_rows(graph: Path) -> None:
    """Of full batches."""
    found = engine(graph, 4, 0.05)
    assert found.answers % 4 == 0
    assert found.throughput == pytest.approx(found.answers / found.seconds)


@pytest.mark.slow
def test_the_plain_server_answers_what_the_engine_answers(graph: Path) -> None:
    """The same classes, byte by byte."""
    from starlette.testclient import TestClient

    from benchmarks.serving_plain import application

    answer = TestClient(application(graph)).post("/", content=rows(2).tobytes())
    (expected,) = session(graph).run(None, {"tokens": rows(2)})
    assert np.array_equal(np.frombuffer(answer.content, np.float32).reshape(2, CLASSES), expected)
