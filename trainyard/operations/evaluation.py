"""Figures of the held-out text, where a processing job of an execution has written them."""

from __future__ import annotations

import json
from typing import Any

from trainyard.operations.connection import Connection
from trainyard.operations.executions import Execution

FILE_NAME = "evaluation.json"


def read(connection: Connection, execution: Execution) -> dict[str, Any]:
    """The evaluation of an execution, wherever its definition puts it; empty where there is none."""
    client = connection.client("sagemaker")
    for step in execution.steps:
        if step.status != "Succeeded" or step.job is None or step.is_training:
            continue
        job = client.describe_processing_job(ProcessingJobName=step.job)
        for output in job.get("ProcessingOutputConfig", {}).get("Outputs", []):
            found = _fetch(connection, output["S3Output"]["S3Uri"])
            if found is not None:
                return found
    return {}


def _fetch(connection: Connection, folder: str) -> dict[str, Any] | None:
    bucket, _, prefix = folder.removeprefix("s3://").partition("/")
    s3 = connection.client("s3")
    try:
        answer = s3.get_object(Bucket=bucket, Key=f"{prefix.rstrip('/')}/{FILE_NAME}")
    except s3.exceptions.NoSuchKey:
        return None
    return dict(json.load(answer["Body"]))
