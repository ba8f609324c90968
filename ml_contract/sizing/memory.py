"""Memory that one rank of a run needs. All formulas of sizing are in this package, and used by whoever needs one.

:mod:`~ml_contract.sizing.states` has those of parameters, gradients and optimiser state (arXiv 1910.02054),
:mod:`~ml_contract.sizing.activations` those of activations and scores (arXiv 2205.05198), and
:mod:`~ml_contract.sizing.parts` what a stage of a pipeline holds. Numbers are bytes; shares are rounded up.

Not in here but in the reserve of :mod:`ml_contract.sizing.fit`: CUDA's context, NCCL's buffers, workspaces of kernels,
and memory that the allocator cannot use for being in pieces.
"""

from __future__ import annotations

from collections.abc import Iterator

from ml_contract.sizing import activations, states
from ml_contract.sizing.needs import Memory, Need
from ml_contract.sizing.parts import Part, over, parts
from ml_contract.sizing.states import Setting
from ml_contract.training.aws_strategies import SageMakerModelParallel
from ml_contract.training.layout import Layout, World
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import DeepSpeed, Fsdp, ModelParallel

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "float8": 2}
"""Of an element in the compute format; float8 is made from bfloat16, product by product."""
CHECKPOINT_BYTES = 12
"""Of one parameter in a checkpoint: itself in float32 and two moments."""


def memory(run: TrainingRun, world: World) -> Memory:
    """What one rank of a run needs.

    Args:
        run: The run.
        world: Its ranks.

    Raises:
        ContractError: The run does not fit the world: a degree, or the batch.
    """
    layout = run.bind(world)
    stages = [_stage(run, world, layout, part) for part in parts(run, layout)]
    return max(stages, key=lambda found: found.total("device"))


def _stage(run: TrainingRun, world: World, layout: Layout, part: Part) -> Memory:
    strategy, compute = run.strategy, BYTES[run.precision.compute]
    at = Setting(
        part=part, ranks=_among(run, layout), compute=compute, reduce=BYTES[run.precision.reduce],
        fused=run.optimizer.fused, accumulated=run.batching(layout)[1] > 1, pipelined=layout.pipeline > 1,
    )  # fmt: skip
    data = strategy.data if isinstance(strategy, ModelParallel) else strategy
    if isinstance(data, DeepSpeed):
        needs = states.zero(at, data)
    elif isinstance(data, Fsdp):
        ahead = max(1, data.prefetch_forward, data.prefetch_backward)
        needs = states.sharded(
            at, stay=data.sharding == "shard_grad_op", ahead=ahead, offload=data.cpu_offload,
            whole=data.accumulate == "whole",
        )  # fmt: skip
    elif isinstance(strategy, SageMakerModelParallel):
        needs = states.sharded(at, stay=False, ahead=1, offload=False, whole=True)
    elif isinstance(strategy, ModelParallel):
        # Copies are FSDP's, too, over shards of one rank: nothing is gathered, so nothing is given back.
        needs = states.sharded(at, stay=True, ahead=1, offload=False, whole=False)
    else:
        needs = states.whole(at)
    size = run.workload.size
    unknown = () if size.hidden or size.kept else ("activations",)
    forward, staged = _forward(run, layout, part, compute), _staged(run, at)
    return Memory(needs=(*needs, *forward, *staged, *_first(run, world)), unknown=unknown)


def _among(run: TrainingRun, layout: Layout) -> int:
    """Ranks among which states are divided. Those that share sequences hold the same ones, and join the shards."""
    strategy = run.strategy
    if isinstance(strategy, ModelParallel):
        return layout.shard * layout.context if isinstance(strategy.data, Fsdp) else 1
    return layout.shard * layout.context


def _forward(run: TrainingRun, layout: Layout, part: Part, compute: int) -> Iterator[Need]:
    """Activations and scores; of a model without a residual stream what its workload has counted."""
    size, strategy = run.workload.size, run.strategy
    if not size.hidden:
        if size.kept:
            # Mixed precision keeps some of them twice: in its own type and in float32.
            yield Need(what="activations", bytes=part.samples * size.kept * 4, when="begin",
                       how=f"{part.samples} samples x {size.kept} values of 4 B")  # fmt: skip
        return
    tokens = part.samples * size.tokens
    whole = not isinstance(strategy, Fsdp | ModelParallel | DeepSpeed | SageMakerModelParallel)
    kept = activations.of_block(
        size, tokens=tokens, tensor=layout.tensor, context=layout.context, compute_bytes=compute,
        autocast=whole and compute < 4, recompute=run.activation_checkpointing,
        # Whether SageMaker's library divides the residual stream is not documented.
        stream_divided=not isinstance(strategy, SageMakerModelParallel),
    )  # fmt: skip
    mine = over(tokens, layout.context)
    # Beside the blocks: what the embedding gives; on the last stage what enters and leaves the last norm, too.
    beside = mine * size.hidden * compute * (3 if part.last else 1)
    held = part.in_flight * (part.blocks * kept.block + beside)
    times = f"{part.in_flight} micro-batches of " if part.in_flight > 1 else ""
    how = f"{part.blocks} blocks x {times}{mine} tokens, checkpointing {run.activation_checkpointing}"
    if isinstance(strategy, SageMakerModelParallel) and strategy.activation_offloading:
        here = min(part.blocks, 1 + strategy.activation_loading_horizon)
        yield Need(what="activations", bytes=here * kept.block + kept.again, how=f"{here} of {how}",
                   when="begin")  # fmt: skip
        yield Need(what="activations offloaded", bytes=held, how=how, place="host")
    else:
        yield Need(what="activations", bytes=held + kept.again, how=how, when="begin")
    if part.last:
        scored = over(part.samples * (size.scored or size.tokens), layout.context)
        scores = activations.of_scores(size, tokens=scored, compute_bytes=compute, chunk=run.workload.loss_chunk)
        yield Need(what="scores and loss", bytes=scores, how=f"{scored} tokens x {size.vocabulary} classes",
                   when="begin")  # fmt: skip


def _staged(run: TrainingRun, at: Setting) -> Iterator[Need]:
    if run.checkpointing.mode == "async":
        share = f" / {at.ranks} ranks" if at.ranks > 1 else ""
        yield Need(what="copy for the checkpoint", bytes=CHECKPOINT_BYTES * over(at.part.parameters, at.ranks),
                   how=f"{CHECKPOINT_BYTES} B a parameter{share}", place="host")  # fmt: skip
        if run.checkpointing.memory is not None:
            # A save in memory goes on beside a durable one, from a copy of its own.
            yield Need(what="copy for the checkpoint in memory", place="host",
                       bytes=CHECKPOINT_BYTES * over(at.part.parameters, at.ranks),
                       how=f"{CHECKPOINT_BYTES} B a parameter{share}")  # fmt: skip


def _first(run: TrainingRun, world: World) -> Iterator[Need]:
    """Of a model that SageMaker's library divides, the first rank makes all weights, and the library parts of them."""
    if isinstance(run.strategy, SageMakerModelParallel) and run.strategy.transforms:
        yield Need(what="weights before they are dealt out", place="host",
                   bytes=over(2 * 4 * run.workload.size.parameters, world.ranks_per_host),
                   how=f"2 x 4 B a parameter on the first host / {world.ranks_per_host} ranks, as a run begins"
                   )  # fmt: skip
