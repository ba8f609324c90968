"""What of a model one rank answers for, before data parallelism divides it."""

from __future__ import annotations

from ml_contract.training.aws_strategies import SageMakerModelParallel
from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import ModelParallel, Pipeline
from ml_contract.values import value_object


def over(amount: int, ranks: int) -> int:
    """A share, rounded up."""
    return -(-amount // ranks)


@value_object
class Part:
    """One stage of a pipeline, or the whole model; matrices divided by the tensor degree, experts by the expert's."""

    parameters: int
    blocks: int
    block: int
    """Parameters of the largest block."""
    outside: int
    """Parameters outside the blocks: embedding, last norm, scores."""
    scores: int
    """Of those, parameters of the layer that scores classes; with shared weights, of the embedding."""
    samples: int
    """Of one micro-batch."""
    in_flight: int
    """Micro-batches whose activations are kept at one time."""
    last: bool
    """Whether it scores classes."""


def parts(run: TrainingRun, layout: Layout) -> tuple[Part, ...]:
    """The first and the last stage of a pipeline, of which one needs the most; one part without a pipeline.

    Micro-batches in flight: 1F1B keeps as many as there are stages behind and itself; interleaved keeps
    1 + (p - 1) / (p v) times as much as the first stage of 1F1B does (Korthikanti et al., arXiv 2205.05198, 4.2.3).
    """
    size, tensor = run.workload.size, layout.tensor
    micro, _ = run.batching(layout)
    embedding = size.vocabulary * size.hidden
    every = max(0, size.parameters - size.blocks * size.block_parameters)
    strategy = run.strategy
    expert = strategy.expert if isinstance(strategy, SageMakerModelParallel) else 1
    elsewhere = size.in_experts - over(size.in_experts, expert)
    block_parameters = size.block_parameters - elsewhere // max(1, size.blocks)
    pipeline = run.strategy.pipeline if isinstance(run.strategy, ModelParallel) else None

    def part(blocks: int, outside: int, samples: int, in_flight: int, *, last: bool) -> Part:
        # Blocks that differ, of which the largest is known, are no more than there are parameters.
        held = min(blocks * block_parameters + outside, size.parameters - elsewhere)
        scores = (min(outside, embedding) if embedding else outside) if last else 0
        return Part(
            parameters=over(held, tensor), blocks=blocks, block=over(block_parameters, tensor),
            outside=over(outside, tensor), scores=over(scores, tensor), samples=samples, in_flight=in_flight, last=last,
        )  # fmt: skip

    if pipeline is None:
        return (part(size.blocks, every, micro, 1, last=True),)
    chunks = pipeline.parts // pipeline.stages
    blocks = min(size.blocks, chunks * over(size.blocks, pipeline.parts))
    samples, first = over(micro, pipeline.micro_batches), min(every, embedding)
    behind = pipeline.stages if chunks == 1 else _interleaved(pipeline, chunks)
    return (
        part(blocks, first, samples, min(behind, pipeline.micro_batches), last=False),
        part(blocks, every - first, samples, max(1, behind - pipeline.stages + 1), last=True),
    )


def _interleaved(pipeline: Pipeline, chunks: int) -> int:
    return pipeline.stages + over(pipeline.stages - 1, chunks)
