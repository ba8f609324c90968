"""What can be wrong with a platform, as its alarms, its runbooks and its incidents name it."""

from __future__ import annotations

from typing import Final, Literal

from ml_contract.values import value_object

RUNBOOKS: Final = "docs/runbooks"
"""Where runbooks lie in this repository."""
Severity = Literal["critical", "warning", "notice"]
"""Wakes somebody; is looked at the same day; is read."""


@value_object
class Symptom:
    """One thing that an alarm is about."""

    name: str
    """Last part of the names of its alarms."""
    severity: Severity
    """Which topic is told."""
    runbook: str
    """Stem of the file below docs/runbooks that says what to do."""
    meaning: str
    """One sentence for whoever is told."""

    def alarm(self, environment: str, subject: str = "") -> str:
        """Name of the alarm.

        Args:
            environment: the environment's short name.
            subject: pipeline, endpoint or cluster it is about, by the name within its environment; empty for the
                whole environment.
        """
        return "-".join(part for part in ("trainyard", environment, subject, self.name) if part)

    def page(self, runbooks: str = RUNBOOKS) -> str:
        """Where its runbook lies.

        Args:
            runbooks: what a runbook's name is put behind, without a slash at its end.
        """
        return f"{runbooks}/{self.runbook}.md"


EXECUTION_FAILED: Final = Symptom(
    name="execution-failed", severity="warning", runbook="failed-execution",
    meaning="An execution of a pipeline failed.",
)  # fmt: skip
EXECUTION_PROLONGED: Final = Symptom(
    name="execution-prolonged", severity="warning", runbook="failed-execution",
    meaning="An execution of a pipeline took longer than promised.",
)  # fmt: skip
TRAINING_PROLONGED: Final = Symptom(
    name="training-prolonged", severity="warning", runbook="failed-execution",
    meaning="A training goes on for longer than was promised of its whole execution.",
)  # fmt: skip
TRAINING_STUCK: Final = Symptom(
    name="training-stuck", severity="critical", runbook="stuck-training",
    meaning="A training job runs, is billed, and has reported no step for longer than promised.",
)  # fmt: skip
SPOT_INTERRUPTIONS: Final = Symptom(
    name="spot-interruptions", severity="warning", runbook="spot-storm",
    meaning="Spot hosts are taken away more often than the checkpoint interval was chosen for.",
)  # fmt: skip
CHECKPOINT_AGE: Final = Symptom(
    name="checkpoint-age", severity="critical", runbook="s3-throttling",
    meaning="A running job's newest commit is older than the promise: more work would be lost than agreed.",
)  # fmt: skip
CHECKPOINT_CORRUPT: Final = Symptom(
    name="checkpoint-corrupt", severity="critical", runbook="corrupt-checkpoint",
    meaning="A commit did not verify when it was loaded, and was put aside.",
)  # fmt: skip
STORAGE_ERRORS: Final = Symptom(
    name="storage-errors", severity="warning", runbook="s3-throttling",
    meaning="S3 refuses requests to a bucket of the platform.",
)  # fmt: skip
NO_CAPACITY: Final = Symptom(
    name="no-capacity", severity="warning", runbook="capacity-shortage",
    meaning="A job waits for instances, or ended because there were none.",
)  # fmt: skip
IMAGE_MISSING: Final = Symptom(
    name="image-missing", severity="critical", runbook="expired-image",
    meaning="An image that jobs or endpoints start from cannot be pulled any more.",
)  # fmt: skip
KEY_DELETION: Final = Symptom(
    name="key-deletion", severity="critical", runbook="deleted-key",
    meaning="A key of the platform was disabled or is waiting to be deleted.",
)  # fmt: skip
ENDPOINT_ERRORS: Final = Symptom(
    name="endpoint-errors", severity="critical", runbook="bad-model",
    meaning="An endpoint answers with errors.",
)  # fmt: skip
ENDPOINT_LATENCY: Final = Symptom(
    name="endpoint-latency", severity="warning", runbook="slow-endpoint",
    meaning="An endpoint's slowest answers take longer than promised.",
)  # fmt: skip
ENDPOINT_MEMORY: Final = Symptom(
    name="endpoint-memory", severity="warning", runbook="slow-endpoint",
    meaning="An endpoint's accelerators are nearly out of memory.",
)  # fmt: skip
NODE_LOST: Final = Symptom(
    name="node-lost", severity="warning", runbook="node-loss",
    meaning="A node of a cluster was lost or found unhealthy.",
)  # fmt: skip
FILES_FULL: Final = Symptom(
    name="files-full", severity="critical", runbook="full-files",
    meaning="A file system that nodes share is nearly full: every run that writes to it will fail.",
)  # fmt: skip
MIRROR_BEHIND: Final = Symptom(
    name="mirror-behind", severity="warning", runbook="stale-mirror",
    meaning="A directory that mirrors S3 is further behind than promised.",
)  # fmt: skip
MIRROR_FAILED: Final = Symptom(
    name="mirror-failed", severity="warning", runbook="stale-mirror",
    meaning="Objects were not imported into a file system, or files not exported from it.",
)  # fmt: skip
DISK_FULL: Final = Symptom(
    name="disk-full", severity="warning", runbook="full-disk",
    meaning="A disk of a cluster's node is nearly full.",
)  # fmt: skip
GOODPUT_LOW: Final = Symptom(
    name="goodput-low", severity="warning", runbook="low-goodput",
    meaning="A run on a cluster loses more of its time than promised.",
)  # fmt: skip
SCHEDULER_SILENT: Final = Symptom(
    name="scheduler-silent", severity="critical", runbook="waiting-work",
    meaning="The scheduler of a cluster does not answer: nothing is started.",
)  # fmt: skip
WORK_WAITS: Final = Symptom(
    name="work-waits", severity="warning", runbook="waiting-work",
    meaning="Work waits for longer than it should, or while nodes are idle.",
)  # fmt: skip
SPEND: Final = Symptom(
    name="spend", severity="critical", runbook="runaway-cost",
    meaning="A budget is used up, or will be.",
)  # fmt: skip
QUOTA: Final = Symptom(
    name="quota", severity="warning", runbook="quotas",
    meaning="A service quota, or a team's share of instances, is nearly used up.",
)  # fmt: skip

SYMPTOMS: Final = (
    EXECUTION_FAILED, EXECUTION_PROLONGED, TRAINING_PROLONGED, TRAINING_STUCK, SPOT_INTERRUPTIONS, CHECKPOINT_AGE,
    CHECKPOINT_CORRUPT, STORAGE_ERRORS, NO_CAPACITY, IMAGE_MISSING, KEY_DELETION, ENDPOINT_ERRORS, ENDPOINT_LATENCY,
    ENDPOINT_MEMORY, NODE_LOST, FILES_FULL, MIRROR_BEHIND, MIRROR_FAILED, DISK_FULL,
    GOODPUT_LOW, SCHEDULER_SILENT, WORK_WAITS, SPEND, QUOTA,
)  # fmt: skip
