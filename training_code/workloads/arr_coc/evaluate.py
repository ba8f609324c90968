"""Processing job: loss and accuracy of the artifact on held-out questions, beside two simple baselines."""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import default_collate

from ml_contract.errors import reject
from ml_contract.hyperparameters import decode_values
from ml_contract.manifest import ArtifactManifest
from ml_contract.paths import ContainerPaths
from ml_contract.training.run import TrainingRun
from ml_contract.workloads.arr_coc import NAME, ArrCoc, EvaluateOptions, Relevance
from training_code import processing
from training_code.log import say
from training_code.workloads import evaluation
from training_code.workloads.arr_coc import export
from training_code.workloads.arr_coc.model import ArrCocModel
from training_code.workloads.arr_coc.samples import Questions
from training_code.workloads.arr_coc.text import FILE, Bytes, Text, Vocabulary
from training_code.workloads.arr_coc.workload import ArrCocWorkload, correct


def evaluate(options: EvaluateOptions, artifact: Path, heldout: Path) -> dict[str, Any]:
    """Ask the artifact's model the first held-out questions.

    Args:
        options: How many.
        artifact: Folder with manifest.json, verified here.
        heldout: Folder of the split, verified here.

    Raises:
        ContractError: Artifact or split are damaged, or the artifact is another workload's.
    """
    manifest = ArtifactManifest.read(artifact)
    manifest.verify(artifact)
    if manifest.workload != NAME:
        reject("workload", manifest.workload, f"this evaluates {NAME}", "Name its artifact.")
    shape = decode_values(TrainingRun, manifest.provenance["hyperparameters"]).workload
    assert isinstance(shape, ArrCoc)
    text: Text = Bytes() if shape.tokenizer is None else Vocabulary(artifact / FILE, shape.language.vocabulary)
    samples = Questions(heldout, shape, text)
    count = min(len(samples), options.maximum_samples)
    model = export.read(artifact, shape)
    started = time.monotonic()
    found = asked(model, samples, range(count), batch=options.batch_size)
    seconds = time.monotonic() - started
    even = uniform(shape.relevance)
    plain = asked(model, samples, range(count), batch=options.batch_size, relevance=even)
    answered = found.pop("answered")
    words = [samples.words(index) for index in range(count)]
    constant = majority(words)
    return {
        **found,
        "uniform_loss": plain["loss"],
        "uniform_accuracy": plain["accuracy"],
        "majority_accuracy": constant,
        "accuracy_by_question": by_question(words, answered),
        "heldout_samples": count,
        "heldout_digest": samples.digest,
        "steps": manifest.provenance["steps"],
        "samples_per_second": count / seconds,
        "beats_majority": found["accuracy"] > constant,
    }


@torch.no_grad()
def asked(
    model: ArrCocModel, samples: Questions, indices: Sequence[int], *, batch: int, relevance: Tensor | None = None
) -> dict[str, Any]:
    """Mean loss in nats a token, share of right answers, mean visual tokens, and which answers were right.

    Args:
        model: On the CPU.
        samples: Where the questions are.
        indices: Which of them.
        batch: Samples a forward pass.
        relevance: A map for every image instead of the model's own, float32 [grid, grid].
    """
    workload = ArrCocWorkload(samples.options)
    losses, tokens, right = 0.0, 0, list[bool]()
    for first in range(0, len(indices), batch):
        content = default_collate([samples[index] for index in indices[first : first + batch]])
        arguments, targets = workload.split(content)
        size = len(arguments[0])
        outputs = model(*arguments, None if relevance is None else relevance.expand(size, -1, -1))
        losses += size * float(workload.loss(outputs, targets))
        tokens += int(outputs.budgets.sum())
        right += correct(outputs, targets).tolist()
    count = len(indices)
    return {"loss": losses / count, "accuracy": sum(right) / count, "visual_tokens": tokens / count, "answered": right}


def uniform(options: Relevance) -> Tensor:
    """A map whose K patches are spread evenly in reading order and equally relevant: what an allocation that knows
    neither image nor question does. float32 [grid, grid]."""
    count = options.grid**2
    found = torch.zeros(count)
    found[(torch.arange(options.patches) * count + count // 2) // options.patches] = 0.5
    return found.view(options.grid, options.grid)


def majority(words: Sequence[tuple[str, str]]) -> float:
    """Share of questions that the best constant answer to each kind gets right. It is chosen by these very answers, so
    no rule that does not look at the image does better."""
    counts: Mapping[str, Counter[str]] = defaultdict(Counter)
    for question, answer in words:
        counts[question][answer] += 1
    return sum(max(found.values()) for found in counts.values()) / len(words)


def by_question(words: Sequence[tuple[str, str]], right: Sequence[bool]) -> dict[str, float]:
    """Share of right answers to each kind of question."""
    found = defaultdict[str, list[bool]](list)
    for (question, _), answered in zip(words, right, strict=True):
        found[question].append(answered)
    return {question: sum(answers) / len(answers) for question, answers in found.items()}


def _work(options: EvaluateOptions, paths: ContainerPaths) -> None:
    found = evaluation.run(paths, lambda artifact, heldout: evaluate(options, artifact, heldout))
    say(f"evaluate: {found['accuracy']:.1%} of {found['heldout_samples']} held-out questions answered, loss"
        f" {found['loss']:.3f}; uniform allocation: {found['uniform_accuracy']:.1%},"
        f" best constant answers: {found['majority_accuracy']:.1%}")  # fmt: skip


if __name__ == "__main__":
    sys.exit(processing.run(EvaluateOptions, _work))
