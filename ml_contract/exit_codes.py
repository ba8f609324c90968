"""Exit codes of the launcher and of the trainer.

SageMaker fails a job on any code but 0; these tell an operator, who reads the log, what kind of failure it was.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process that was PID 1 ended with."""

    SUCCESS = 0
    TRAINING_FAILED = 1
    """The training code raised; the failure file says what."""
    CONTRACT_BROKEN = 2
    """Wrong hyperparameter, channel or resource configuration: nothing was trained."""
    IMAGE_LACKS_MODULE = 3
    """The image does not hold what the workload imports: nothing was trained."""
    INTERRUPTED = 143
    """Stopped by SIGTERM after the last step was committed: the job can be resumed (128 + SIGTERM)."""
