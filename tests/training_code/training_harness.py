"""What the training tests share: a small split, hosts under the container contract, ranks of a warm forkserver."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_contract import metrics
from ml_contract.hyperparameters import encode
from ml_contract.paths import ContainerPaths
from ml_contract.training.optimization import AdamW, Cosine
from ml_contract.training.run import TrainingRun
from ml_contract.training.surroundings import Checkpointing
from ml_contract.workloads import BytesLm
from training_code.data.tokens import TokenWriter

ROOT = Path(__file__).parents[2]
TINY = BytesLm(dimension=16, layers=2, heads=2, sequence_length=32)


def tiny_run(*, checkpoint_steps: int = 20, checkpoint_seconds: float = 420, **changes: Any) -> TrainingRun:
    """A run of seconds: two samples a rank of two."""
    settings: dict[str, Any] = {
        "workload": TINY, "optimizer": AdamW(learning_rate=6e-3), "schedule": Cosine(warmup_steps=2),
        "global_batch_size": 4, "steps": 40,
        "checkpointing": Checkpointing(every_steps=checkpoint_steps, every_seconds=checkpoint_seconds),
    }  # fmt: skip
    return TrainingRun(**{**settings, **changes})


def write_shards(folder: Path, size: int, *, shard_bytes: int = 4096) -> Path:
    """A split of ``size`` bytes in ``folder``: text in which every place differs from every other."""
    writer = TokenWriter(folder, dtype="uint8", shard_tokens=shard_bytes)
    writer.write(b"".join(b"def f%d(x): return x + %d\n" % (n, n * n) for n in range(size))[:size])
    writer.close({"name": "test"})
    return folder


def container(
    base: Path,
    hyperparameters: TrainingRun | Mapping[str, str],
    *,
    hosts: Sequence[str] = ("127.0.0.1",),
    rank: int = 0,
    instance_type: str = "ml.m5.large",
    data: Path | None = None,
) -> ContainerPaths:
    """/opt/ml of one host as the platform leaves it, at ``base``."""
    paths = ContainerPaths(base=base)
    paths.config.mkdir(parents=True, exist_ok=True)
    raw = encode(hyperparameters) if isinstance(hyperparameters, TrainingRun) else dict(hyperparameters)
    paths.hyperparameters.write_text(json.dumps(raw))
    paths.input_data_config.write_text(json.dumps({"train": {"TrainingInputMode": "File"}}))
    resources = {
        "current_host": hosts[rank], "hosts": list(hosts), "network_interface_name": "lo",
        "current_instance_type": instance_type,
    }  # fmt: skip
    paths.resource_config.write_text(json.dumps(resources))
    if data is not None:
        shutil.copytree(data, paths.channel("train"), dirs_exist_ok=True)
    else:
        paths.channel("train").mkdir(parents=True, exist_ok=True)
    return paths


def losses(log: str) -> list[tuple[int, float]]:
    """Steps and losses in the order of the log, bit for bit."""
    found = (metrics.parse(line) for line in log.splitlines())
    return [(step, values[metrics.LOSS]) for step, values in filter(None, found) if metrics.LOSS in values]


def figures(log: str, metric: metrics.Metric) -> list[float]:
    """Values of one metric in the order of the log."""
    found = (metrics.parse(line) for line in log.splitlines())
    return [values[metric] for _, values in filter(None, found) if metric in values]


def steps(log: str, metric: metrics.Metric) -> list[int]:
    """Steps for which a metric is told, in the order of the log."""
    found = (metrics.parse(line) for line in log.splitlines())
    return [step for step, values in filter(None, found) if metric in values]
