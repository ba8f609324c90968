"""Memory of parameters, gradients and optimiser state, and of the copies that are made of them on the way.

With Adam, mixed precision keeps of N parameters 2 N bytes of weights, 2 N of gradients and 12 N of float32 weights and
two moments (ZeRO, Rajbhandari et al., arXiv 1910.02054, section 3.1). DeepSpeed does just so, each kind divided by the
ranks from the stage on that divides it, but that gradients add up in float32 from stage 2 on, as this project tells it
(``grad_accum_dtype``). What torch itself runs keeps float32 parameters (4 N), their gradients (4 N)
and moments (8 N), 16 N as well, and makes copies in the compute format where they are used: FSDP of the blocks that it
gathers, DDP's autocast of all matrices until backward is through.

Gradients are cleared by dropping them, so that none exist when the first backward of a step begins.
"""

from __future__ import annotations

from collections.abc import Iterator

from ml_contract.sizing.needs import Need, Place, When
from ml_contract.sizing.parts import Part, over
from ml_contract.training.strategies import CpuOffload, DeepSpeed, NvmeOffload
from ml_contract.values import value_object

MIB = 2**20


@value_object
class Setting:
    """What the formulas need to know of a run."""

    part: Part
    ranks: int
    """Among which states are divided."""
    compute: int
    """Bytes of an element in the compute format."""
    reduce: int
    """Bytes of an element of a gradient while it is summed."""
    fused: bool
    """Whether the optimiser updates without temporary copies."""
    accumulated: bool
    """Whether gradients of several micro-batches add up."""
    pipelined: bool

    @property
    def gradients(self) -> When:
        """Since when there are gradients."""
        return "always" if self.accumulated or self.pipelined else "end"


def whole(at: Setting) -> Iterator[Need]:
    """DDP and what resembles it. Gradients are views of the buckets that are exchanged, so those cost nothing."""
    total = at.part.parameters
    yield from _float32(total, 1, "device", at.gradients)
    if at.compute < 4:
        yield Need(what="copies in the compute format", bytes=at.compute * total, how=f"{at.compute} B a parameter",
                   when="begin")  # fmt: skip
    yield from _update(at, 1)


def sharded(at: Setting, *, stay: bool, ahead: int, offload: bool, whole: bool) -> Iterator[Need]:
    """FSDP2. What is outside the blocks stays gathered from forward to backward.

    A pipeline's blocks stay gathered, too, and its gradients whole until the last micro-batch is through
    (torch.distributed.pipelining.stage). Other gradients that add up over micro-batches are as ``whole`` says. As
    backward begins, the gradient of the layer that scores exists whole, and that of a block twice: as it was computed,
    and in the buffer that is exchanged. What is outside the blocks is exchanged last.

    Args:
        at: The run.
        stay: Whether blocks stay gathered between forward and backward.
        ahead: Blocks that arrive while one is in use.
        offload: Whether states wait in host memory.
        whole: Whether gradients that add up are not divided before the last micro-batch.
    """
    part, blocks = at.part, at.part.blocks
    whole = at.pipelined or (whole and at.accumulated)
    divided: When = "always" if at.accumulated and not whole else "end"
    yield from _float32(part.parameters, at.ranks, "host" if offload else "device", divided)
    in_use = blocks if stay or at.pipelined else min(blocks, 1 + ahead)
    yield Need(what="gathered parameters", bytes=at.compute * (part.outside + in_use * part.block),
               how=f"{at.compute} B a parameter of {in_use} of {blocks} blocks and outside them")  # fmt: skip
    if whole:
        yield Need(what="gradients that add up", bytes=at.reduce * part.parameters,
                   how=f"{at.reduce} B a parameter, whole until the last micro-batch")  # fmt: skip
    both = at.compute + at.reduce
    yield Need(what="exchange of a block", bytes=both * part.block + at.compute * part.scores, when="begin",
               how=f"{both} B a parameter of a gradient, and {at.compute} B of the scores' layer")  # fmt: skip
    yield Need(what="exchange outside the blocks", bytes=both * part.outside, how=f"{both} B a parameter", when="end")
    if not offload:
        yield from _update(at, at.ranks)


def zero(at: Setting, strategy: DeepSpeed) -> Iterator[Need]:
    """DeepSpeed. Weights and gradients in the compute format, float32 weights and moments beside them."""
    part, stage, ranks = at.part, strategy.stage, at.ranks
    total = part.parameters

    def item(what: str, each: int, first: int, place: Place = "device", when: When = "always") -> Need:
        among = ranks if stage >= first else 1
        share = f" / {among} ranks" if among > 1 else ""
        share_of = over(total, among)
        return Need(what=what, bytes=each * share_of, how=f"{each} B a parameter{share}", place=place, when=when)

    yield item("parameters", at.compute, 3, _place(strategy.offload_parameters))
    # Stage 3 has one buffer for them, all the time.
    yield item(
        "gradients", 2 if stage == 1 and at.compute == 2 else 4, 2, when="always" if stage == 3 else at.gradients
    )
    state = _place(strategy.offload_optimizer)
    yield item("optimiser state", 12, 1, state)
    yield item("gradients for the update", 4, 1, "device" if state == "device" else "host", when="end")
    yield from _disk(at, strategy)
    if stage == 3:
        in_use = min(part.blocks, 2)
        yield Need(what="gathered parameters", bytes=at.compute * (part.outside + in_use * part.block),
                   how=f"{at.compute} B a parameter of {in_use} of {part.blocks} blocks and outside them")  # fmt: skip
    # Two buckets take turns, and are made as large as they are told, however small the model.
    yield Need(what="buckets of exchange", bytes=2 * strategy.bucket_mib * MIB, how=f"2 x {strategy.bucket_mib} MiB")


def _disk(at: Setting, strategy: DeepSpeed) -> Iterator[Need]:
    """What the disk adds: files of gradients, buffers, and a copy of the state that a checkpoint reads from there.

    A buffer holds a rank's part of the largest parameter; of optimiser state a sub-group, which ends with the parameter
    that exceeds that size, so at most twice as much. The largest parameter is taken to be a block or the scores.
    """
    part = at.part
    largest = over(max(part.block, part.scores), at.ranks)
    if isinstance(strategy.offload_parameters, NvmeOffload):
        count = strategy.offload_parameters.buffer_count
        yield Need(what="buffers of the disk", bytes=(count + 2) * at.compute * largest, place="host",
                   how=f"{count} buffers of a parameter, and one of a sub-group")  # fmt: skip
    if isinstance(strategy.offload_optimizer, NvmeOffload):
        count = strategy.offload_optimizer.buffer_count
        yield Need(what="buffers of the disk", bytes=count * 4 * 2 * largest, place="host",
                   how=f"{count} buffers of a sub-group")  # fmt: skip
        share = over(part.parameters, at.ranks)
        yield Need(what="gradients on the disk", bytes=4 * share, how="4 B a parameter", place="disk")
        yield Need(what="state read for a checkpoint", bytes=12 * share, how="12 B a parameter", place="host")


def _float32(parameters: int, ranks: int, place: Place, gradients: When) -> Iterator[Need]:
    share = f" / {ranks} ranks" if ranks > 1 else ""
    for what, each in {"parameters": 4, "gradients": 4, "optimiser state": 8}.items():
        yield Need(what=what, bytes=each * over(parameters, ranks), how=f"{each} B a parameter{share}", place=place,
                   when=gradients if what == "gradients" else "always")  # fmt: skip


def _update(at: Setting, ranks: int) -> Iterator[Need]:
    """torch's AdamW without ``fused`` holds about one more copy of the parameters (its documentation, ``foreach``)."""
    if not at.fused:
        yield Need(what="the update's copies", bytes=4 * over(at.part.parameters, ranks), how="fused=False", when="end")


def _place(offload: CpuOffload | NvmeOffload | None) -> Place:
    if offload is None:
        return "device"
    return "host" if isinstance(offload, CpuOffload) else "disk"
