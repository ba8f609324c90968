"""Model FLOPs utilisation: the share of the hardware's peak that goes into the model's own arithmetic.

The convention is that of PaLM (Chowdhery et al., arXiv 2204.02311, appendix B): operations of forward and backward
without what activation checkpointing does again (``WorkloadOptions.flops_per_sample``), over the dense bfloat16 peak of
all accelerators (:mod:`ml_contract.accelerators`). The peak is bfloat16's whatever a run computes in, so that figures
compare; a float8 run has none, since part of its products run against another peak.
"""

from __future__ import annotations

from ml_contract.training.run import TrainingRun


def mfu(run: TrainingRun, *, samples_per_second: float, ranks: int, peak_flops: float | None) -> float | None:
    """Model FLOPs utilisation of a run.

    Args:
        run: The run.
        samples_per_second: Of all ranks together, over whole steps: loading, exchange and update included.
        ranks: All of them, one accelerator each.
        peak_flops: Of one accelerator, operations a second: ``InstanceType.peak_flops``, or in a container that of
            ``accelerators.by_device_name(torch.cuda.get_device_name())``.

    Returns:
        A share, 1 at the peak; None where the peak is not known, or the run computes in float8.
    """
    if peak_flops is None or run.precision.compute == "float8":
        return None
    return samples_per_second * run.workload.flops_per_sample / (ranks * peak_flops)
