"""The mark of a damaged commit."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from ml_contract.checkpoint.catalog import Attempt
from ml_contract.checkpoint.documents import QUARANTINE
from training_code.checkpoint.storage import Storage


def quarantine(storage: Storage, attempt: Attempt, reasons: Sequence[str]) -> None:
    """Mark a commit as damaged, for good. Nothing is deleted; the first reason stands."""
    mark = {"step": attempt.step, "attempt": attempt.uuid, "reasons": list(reasons), "at": time.time()}
    storage.put_if_absent(f"{attempt.prefix}/{QUARANTINE}", json.dumps(mark, indent=1).encode())
