"""The embedded SageMaker: its families of operations, behind SageMaker's own service model."""

import importlib
from contextlib import suppress

from trainyard.local.api.service import Context, Service
from trainyard.local.jobs import ProcessingJobs, TrainingJobs
from trainyard.local.tags import Tags


def build(context: Context) -> Service:
    """Composes the service."""
    families: list[object] = [TrainingJobs(context), ProcessingJobs(context), Tags(context)]
    for module, name in (("pipelines", "Pipelines"), ("registry", "ModelRegistry"), ("hosting", "Hosting")):
        with suppress(ImportError, AttributeError):
            families.append(getattr(importlib.import_module(f"trainyard.local.{module}"), name)(context))
    return Service("sagemaker", *families)
