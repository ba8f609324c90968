"""What the loader's benchmark compares reads the same samples, in every way, and a difference is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the training environment is not installed")

from benchmarks.far_s3 import far_s3
from benchmarks.loader import differing, measure, measured, prepare, rows
from benchmarks.loader_cases import CASES, FILE_LOOP, MICRO_BATCH, OBJECT_LOOP
from benchmarks.loader_data import WRITERS, Kind, Sizes

pytestmark = pytest.mark.slow
SIZES = Sizes(split_bytes=100_000, shard_bytes=40_000, window=100, side=16, buffer_bytes=32_000, seconds=0.01)
"""Shards end within windows, and the split does not fit the buffer."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("loader")
    with far_s3(folder, 0.0) as environment:
        yield folder, environment


@pytest.mark.parametrize("kind", list(WRITERS))
def test_every_case_reads_the_same(
    kind: Kind, server: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, environment = server
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    place = prepare(kind, folder, SIZES)
    found = {case: [measure(case, place)] for case in CASES if not case.delay and not case.workers}
    assert len(found) == 6
    assert differing(found) == []
    table = {row["case"]: row for row in rows(found, place)}
    assert table[FILE_LOOP]["/file"] == "1.000"
    assert table[OBJECT_LOOP]["/boto3"] == "1.00"
    assert all(row["samples/s"] >= MICRO_BATCH for row in table.values())
    case = next(case for case in found if case.name == "S3: ours, streamed")
    found[case] = [replace(found[case][0], digest="another")]
    assert differing(found) == ["S3: ours, streamed, 0 workers"]


def test_a_case_has_a_process_of_its_own(tmp_path: Path) -> None:
    place = prepare("tokens", tmp_path, SIZES)
    cases = [case for case in CASES if case.name == FILE_LOOP or (case.delay == 0.0 and case.workers)]
    found = measured(place, 1, cases)
    assert len(found) == 2
    assert differing(found) == []
