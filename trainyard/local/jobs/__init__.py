"""Training and processing jobs that run, under SageMaker's container contract."""

from trainyard.local.jobs.processing import ProcessingJobs
from trainyard.local.jobs.training import TrainingJobs

__all__ = ["ProcessingJobs", "TrainingJobs"]
