"""What the processing steps of a workload's pipeline have in common."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_lib.training import ContainerImage, Location, ProcessingResources, Program, StepOutput
from constructs_lib.training.steps import Input, Output, ProcessingStep, PropertyFile
from stacks.workload_training import WorkloadTraining


def processing_step(
    training: WorkloadTraining, name: str, program: Program, *, options: object,
    inputs: Mapping[str, Location | StepOutput], output: Output, property_files: tuple[PropertyFile, ...] = (),
    image: ContainerImage | None = None, instance_type: str | None = None,
) -> ProcessingStep:  # fmt: skip
    """A step on the environment's processing hosts.

    Args:
        training: Whose pipeline it is.
        name: Of the step.
        program: What runs.
        options: What it is told.
        inputs: Where its files come from, by the input's name.
        output: Where they go.
        property_files: Files of the output that the pipeline reads.
        image: What it runs in; that of all jobs by default.
        instance_type: What it runs on; that of the processing hosts by default.
    """
    hosts = training.processing
    if instance_type is not None:
        hosts = ProcessingResources(
            instance_type=instance_type, volume_gib=hosts.volume_gib, max_run_seconds=hosts.max_run_seconds
        )
    return ProcessingStep(
        name=name,
        image=image or training.job_image,
        program=program,
        resources=hosts,
        options=options,
        inputs=tuple(Input(name=each, source=source) for each, source in inputs.items()),
        outputs=(output,),
        property_files=property_files,
        retries=training.retries,
    )
