"""Documents of pipelines and executions, and the names they give."""

import random
import re
import string
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.store import Store
from trainyard.local.pipelines.kinds import KINDS

Record = dict[str, Any]

PIPELINE: Final = "pipeline"
EXECUTION: Final = "pipeline-execution"
DEFINITION: Final = "pipeline-execution-definition"
TOKEN: Final = "pipeline-token"

ACTIVE: Final = ("Starting", "Executing", "Stopping")
"""Statuses of a step that has not ended."""
RUNNING: Final = ("Executing", "Stopping")
"""Statuses of an execution that has not ended."""

# Names are for telling things apart, not for keeping secrets.
_random = random.SystemRandom()
_STEP_CHARACTERS = 20  # so much of a step's name AWS puts into the names of its jobs


def execution_id() -> str:
    """A new execution's id, as AWS forms it: twelve lower-case letters and digits."""
    return "".join(_random.choices(string.ascii_lowercase + string.digits, k=12))


def identity(step_type: str, step_name: str, execution: str) -> str:
    """The name of what a step creates, or the idempotency token where AWS names it itself."""
    kind = KINDS.get(step_type)
    if kind is None or not kind.identity.endswith("Name"):
        return str(uuid.uuid4())
    # Job names have no underscore, and no hyphen at the end of a part reads well.
    short = re.sub(r"[^A-Za-z0-9]+", "-", step_name[:_STEP_CHARACTERS]).strip("-")
    suffix = "".join(_random.choices(string.ascii_letters + string.digits, k=10))
    return "-".join(part for part in ("pipelines", execution, short, suffix) if part)


def time_text(seconds: float) -> str:
    """A time as AWS writes it in expressions."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def execution_of(store: Store, arn: str) -> Record:
    """An execution's document.

    Raises:
        ServiceError: ResourceNotFound.
    """
    found = store.get(EXECUTION, arn)
    if found is None:
        raise ServiceError("ResourceNotFound", f"Pipeline execution {arn!r} does not exist.")
    return found


def update_step(store: Store, arn: str, step: str, **changes: object) -> Record:
    """Merges changes into the record of a step (None removes a field) and returns the record."""

    def change(document: Record) -> None:
        record = document["Steps"].setdefault(step, {})
        record.update(changes)
        for name in [name for name, value in changes.items() if value is None]:
            del record[name]
        document["LastModifiedTime"] = time.time()

    return dict(store.modify(EXECUTION, arn, change)["Steps"][step])


def finish(store: Store, arn: str, reason: str | None) -> Record:
    """Ends an execution: Stopped when that was asked for, else Failed with a reason, or Succeeded without."""

    def change(document: Record) -> None:
        stopping = document["PipelineExecutionStatus"] == "Stopping"
        document["PipelineExecutionStatus"] = "Stopped" if stopping else "Failed" if reason else "Succeeded"
        if reason and not stopping:
            document["FailureReason"] = shortened(reason, 1300)
        document["LastModifiedTime"] = time.time()

    return store.modify(EXECUTION, arn, change)


def shortened(text: str, characters: int) -> str:
    """`text`, cut to AWS's limit on the field."""
    return text if len(text) <= characters else text[: characters - 1] + "…"


def by_status(steps: Mapping[str, Record], *statuses: str) -> dict[str, Record]:
    """The steps whose status is one of `statuses`."""
    return {name: record for name, record in steps.items() if record["StepStatus"] in statuses}
