"""The artifact: a file of weights for each stage, and the manifest, which says what goes from stage to stage."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import nn

from ml_contract.ensemble import Step
from ml_contract.errors import reject
from ml_contract.manifest import ArtifactManifest
from ml_contract.signature import DType, ModelSignature, Tensor
from ml_contract.workloads.arr_coc import NAME, SCORERS, TEXTURE_CHANNELS, ArrCoc
from training_code.log import say
from training_code.workloads.arr_coc.model import ArrCocModel
from training_code.workloads.base import Trained

MAX_BATCH_SIZE = 8
"""Largest batch that serving may form; the model itself takes any."""
STAGES = {
    "texture_extractor": "texture.", "relevance_scorers": "scorers.", "opponent_processor": "opponent.",
    "language_model": "language.",
}  # fmt: skip
"""Stages in the order in which they run, and how the names of their parameters start. The first has none."""


def signatures(options: ArrCoc) -> dict[str, ModelSignature]:
    """What each stage takes and gives. A tensor that two stages name is the same one: so they form an ensemble."""
    relevance, length = options.relevance, options.text_length
    cells = (relevance.grid, relevance.grid)
    image = Tensor(name="image", dtype=DType.UINT8, shape=(3, relevance.side, relevance.side))
    text = Tensor(name="text", dtype=DType.INT64, shape=(length,))
    question = Tensor(name="question_length", dtype=DType.INT64, shape=(1,))
    texture = Tensor(
        name="texture", dtype=DType.FP32, shape=(TEXTURE_CHANNELS, relevance.texture_side, relevance.texture_side)
    )
    scores = Tensor(name="scores", dtype=DType.FP32, shape=(len(SCORERS), *cells))
    found = Tensor(name="relevance", dtype=DType.FP32, shape=cells)
    logits = Tensor(name="logits", dtype=DType.FP32, shape=(length, options.language.vocabulary))
    budgets = Tensor(name="budgets", dtype=DType.INT64, shape=(relevance.patches,))
    parts = {
        "texture_extractor": ((image,), (texture,)),
        "relevance_scorers": ((texture, text, question), (scores,)),
        "opponent_processor": ((scores,), (found,)),
        "language_model": ((image, found, text), (logits, budgets)),
        NAME: ((image, text, question), (logits, found, budgets)),
    }
    return {
        name: ModelSignature(inputs=inputs, outputs=outputs, max_batch_size=MAX_BATCH_SIZE)
        for name, (inputs, outputs) in parts.items()
    }


def write(folder: Path, options: ArrCoc, trained: Trained, *, tokenizer: Path | None = None) -> ArtifactManifest:
    """Write a safetensors file for each stage that has weights, where it is wanted each stage's graph, tokenizer.json
    where there is one, and manifest.json.

    Args:
        folder: Becomes the artifact; made where it is missing.
        options: The shape.
        trained: Weights, and where they came from.
        tokenizer: The run's tokenizer.json; None where bytes are the tokens.

    Raises:
        GraphDiffers: A graph does not compute what its stage computes; no manifest is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for stage, start in STAGES.items():
        weights = {name.removeprefix(start): w for name, w in trained.weights.items() if name.startswith(start)}
        if weights:
            save_file({name: weight.contiguous() for name, weight in weights.items()}, folder / file_of(stage))
    if tokenizer is not None:
        shutil.copyfile(tokenizer, folder / tokenizer.name)
    described = signatures(options)
    metrics = dict(trained.figures)
    parts: tuple[Step, ...] = ()
    if options.graph:
        metrics |= _graphs(folder, options, trained)
        parts = tuple(Step(model=stage, signature=described[stage]) for stage in STAGES)
    stages = {stage: described[stage].to_json() for stage in STAGES}
    manifest = ArtifactManifest.describe(
        folder, workload=NAME, signature=described[NAME], metrics=metrics, parts=parts,
        provenance={**trained.provenance, "stages": stages},
    )  # fmt: skip
    manifest.write(folder)
    say(f"export: {', '.join(manifest.files)}")
    return manifest


def _graphs(folder: Path, options: ArrCoc, trained: Trained) -> dict[str, float]:
    """Write the graphs of all stages; the largest difference of each from its stage."""
    from training_code.workloads.arr_coc.graphs import portables

    model = ArrCocModel(options)
    model.load_state_dict({name: weight.float() for name, weight in trained.weights.items()})
    return {
        f"graph_difference_{stage}": portable.write_graph(folder, module, part=stage)
        for stage, (module, portable) in portables(model.eval(), signatures(options), options).items()
    }


def file_of(stage: str) -> str:
    """Name of a stage's weights in the artifact."""
    return f"{stage}.safetensors"


def read(folder: Path, options: ArrCoc) -> ArrCocModel:
    """The model of an artifact, on the CPU, for answers.

    Raises:
        ContractError: Weights are missing, or are another shape's.
    """
    model = ArrCocModel(options)
    parts: dict[str, nn.Module] = {
        "relevance_scorers": model.scorers, "opponent_processor": model.opponent, "language_model": model.language
    }  # fmt: skip
    for stage, part in parts.items():
        try:
            weights: dict[str, Any] = load_file(folder / file_of(stage))
            part.load_state_dict(weights)
        except (OSError, RuntimeError) as error:
            reject(file_of(stage), str(error).splitlines()[0], "it holds the weights of the manifest's shape",
                   "Export the model again.")  # fmt: skip
    return model.eval()
