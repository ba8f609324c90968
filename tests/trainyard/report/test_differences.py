"""What differs between runs, and nothing else."""

from __future__ import annotations

import dataclasses

from tests.trainyard.report import scenes
from trainyard.report.chapter import Chapter
from trainyard.report.differences import differences


def chapter(name: str, **document: object) -> Chapter:
    run = scenes.run(checkpoint_uri=f"s3://bucket/bytes-lm/{name}")
    changed = dataclasses.replace(run, document={**run.document, **document})
    return scenes.chapter(name, changed)


def test_equal_runs_differ_in_nothing_though_their_places_bear_their_names() -> None:
    assert differences([chapter("one1"), chapter("two2")]) == {}


def test_a_value_deep_within_has_its_path() -> None:
    other = {"InstanceType": "ml.m5.large", "InstanceCount": 4}
    found = differences([chapter("one1"), chapter("two2", ResourceConfig=other, Environment={"NCCL_DEBUG": "INFO"})])
    assert found == {"ResourceConfig.InstanceCount": ("2", "4"), "Environment.NCCL_DEBUG": ("–", "INFO")}


def test_a_chapter_without_a_job_has_nothing() -> None:
    alone = dataclasses.replace(chapter("one1"), run=None)
    assert set(differences([alone, chapter("two2")])) >= {"steps", "ResourceConfig.InstanceType"}
