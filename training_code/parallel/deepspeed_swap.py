"""What DeepSpeed keeps on a disk between uses (ZeRO-Infinity, arXiv 2104.07857), brought to memory and back.

A sub-group of the float32 values, with their moments, is in memory while it is updated, and else tensors without
elements; a rank's part of a parameter is in memory while it is gathered. Each has a file in a folder of the rank. Parts
and sub-groups of less than 1 MiB stay in memory (DeepSpeed's ``MIN_AIO_BYTES``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def on_disk(optimizer: Any, number: int) -> bool:
    """Whether sub-group ``number`` of DeepSpeed's stage-3 optimiser lives on a disk."""
    return bool(optimizer._swappable_optimizer_subgroup(number))


@contextmanager
def resident(optimizer: Any, number: int, *, changed: bool = False) -> Iterator[None]:
    """A sub-group in memory; after that its tensors are empty again, and the buffers that held them another's.

    Gradients that wait for the update stay as they are.

    Args:
        optimizer: DeepSpeed's stage-3 optimiser.
        number: Of the sub-group. One that never leaves memory is left alone.
        changed: Whether what was done to it is to be written. State that was made meanwhile has its files from then on.
    """
    if not on_disk(optimizer, number):
        yield
        return
    optimizer._optimizer_states_and_gradient_swap_in(number)
    try:
        yield
    except BaseException:
        optimizer._release_swap_buffers(number)
        raise
    if changed:
        optimizer._writeback_swap_state(number, write_opt_state=True, write_gradients=False)
    else:
        optimizer._release_swap_buffers(number)


@contextmanager
def present(parameter: Any, *, changed: bool = False) -> Iterator[bool]:
    """This rank's part of a divided parameter (``ds_tensor``) in memory; gives whether it lives on a disk."""
    swapper = parameter.nvme_swapper
    if swapper is None or parameter.ds_tensor.status.name == "AVAILABLE":
        yield False
        return
    if parameter.ds_tensor.status.name == "INFLIGHT":
        swapper.synchronize_reads()
    else:
        swapper.swap_in([parameter], async_op=False)
    try:
        yield True
    except BaseException:
        swapper.remove_partition_and_release_buffers([parameter])
        raise
    if changed:
        swapper.swap_out_and_release([parameter])
    else:
        swapper.remove_partition_and_release_buffers([parameter])


def once_each(swapper: Any) -> None:
    """Have a swapper of parameters bring each of a list once.

    What is read ahead is listed by the order of use; where forward turns into backward a parameter is in that list
    twice, which the swapper takes for an error (0.19.8, PartitionedParameterCoordinator).
    """
    bring = swapper.swap_in

    def swap_in(params: list[Any], **options: Any) -> None:
        bring(list(dict.fromkeys(params)), **options)

    swapper.swap_in = swap_in
