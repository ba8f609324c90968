"""Warm pools: the longest time that instances are kept for the next job.

Source: ResourceConfig.KeepAlivePeriodInSeconds, CreateTrainingJob (SageMaker API reference), read 2026-11-21.
"""

LONGEST_WARM_S = 21600
"""Seconds."""
