"""What runs that are compared were told differently."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trainyard.report.chapter import Chapter

_ABSENT = "–"


def differences(chapters: Sequence[Chapter]) -> dict[str, tuple[str, ...]]:
    """Dotted names of settings → their values, one a chapter; only those that differ.

    A value that holds the name of its own execution or job, such as the place of its checkpoints, is compared without.
    """
    told = [_settings(chapter) for chapter in chapters]
    names = list(dict.fromkeys(name for each in told for name in each))
    rows = {name: tuple(each.get(name, _ABSENT) for each in told) for name in names}
    return {name: values for name, values in rows.items() if len(set(values)) > 1}


def _settings(chapter: Chapter) -> dict[str, str]:
    if chapter.run is None:
        return {}
    document = chapter.run.document
    found = dict(flat("", {name: _read(value) for name, value in chapter.run.hyperparameters.items()}))
    for key in ("Environment", "ResourceConfig", "StoppingCondition", "AlgorithmSpecification.TrainingImage",
                "AlgorithmSpecification.ContainerEntrypoint", "EnableManagedSpotTraining", "VpcConfig"):  # fmt: skip
        value: Any = document
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            found.update(flat(key.rpartition(".")[2], value))
    for channel in document.get("InputDataConfig", ()):
        found.update(flat(f"input.{channel['ChannelName']}", channel.get("DataSource", {})))
    own = (chapter.execution.id, chapter.run.job)
    return {name: _without(value, own) for name, value in found.items()}


def _without(value: str, own: Sequence[str]) -> str:
    for name in own:
        value = value.replace(name, "…")
    return value


def _read(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def flat(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Dotted names and texts: ``optimizer.learning_rate``."""
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from flat(f"{path}.{name}" if path else str(name), below)
    elif isinstance(value, list) and all(isinstance(each, str | int | float) for each in value):
        yield path, ", ".join(map(str, value))
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from flat(f"{path}.{number}", below)
    elif value is not None:
        yield path, str(value)
