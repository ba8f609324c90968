"""Drift detection of every type that a client can read back.

The emulator's own knows a dozen types and looks into its stores; this one asks the services through their APIs, by the
readers of `trainyard.local.readback`, and like AWS it does so after it has answered.

Source: "Detect unmanaged configuration changes to stacks and resources with drift detection", CloudFormation User
Guide, read 2026-11-22: only properties are compared that the template sets, and the stack's tags with them; a resource
without a reader is not checked.
"""

import contextvars
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError
from ministack.core.responses import new_uuid, now_iso
from ministack.services.cloudformation import _stacks, handlers
from ministack.services.cloudformation import drift as emulated

from trainyard.local.readback.compare import as_map, difference, template_form
from trainyard.local.readback.readers import READERS, Deployed, Reader

log = logging.getLogger(__name__)
Record = dict[str, Any]
_MEANING_NOTHING = ("AccessDenied", "Throttl", "InternalFailure", "InternalError", "ServiceUnavailable", "SlowDown")
"""Parts of error codes that do not say that a resource is gone."""
_running: set[str] = set()


def install() -> None:
    """Puts the operation into the emulator."""
    assert "DetectStackDrift" in handlers._ACTION_HANDLERS, "the emulator's CloudFormation detects no drift any more"
    handlers._ACTION_HANDLERS["DetectStackDrift"] = _detect


class _Services:
    """Clients of this cloud, as any program on this machine would make them; each is made once."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}
        self._session: Any = None
        self._lock = threading.Lock()

    def client(self, service_name: str, /) -> Any:
        # boto3 costs 0.2 s to import, which the daemon's start need not pay.
        import boto3

        with self._lock:
            self._session = self._session or boto3.session.Session()
            if service_name not in self._made:
                self._made[service_name] = self._session.client(service_name)
            return self._made[service_name]


_SERVICES = _Services()


def _detect(params: Any) -> Any:
    stack, refused = handlers._drift_target(handlers._p(params, "StackName"))
    if refused:
        return refused
    resources: dict[str, Record] = stack.get("_resources", {})
    wanted = handlers._extract_string_members(params, "LogicalResourceIds") or list(resources)
    unknown = sorted(set(wanted) - set(resources))
    if unknown:
        return handlers._error("ValidationError", f"Resources {unknown} do not exist in stack {stack['StackName']}")
    if stack["StackId"] in _running:
        return handlers._error("ValidationError", f"Drift detection is already in progress for {stack['StackId']}")
    detection = {
        "StackId": stack["StackId"],
        "StackDriftDetectionId": new_uuid(),
        "StackDriftStatus": "NOT_CHECKED",
        "DetectionStatus": "DETECTION_IN_PROGRESS",
        "Timestamp": now_iso(),
    }
    kept = stack.setdefault("_drift_detections", {})
    kept[detection["StackDriftDetectionId"]] = detection
    while len(kept) > handlers._DRIFT_DETECTIONS_KEPT:
        kept.pop(next(iter(kept)))
    others = [
        (record.get("ResourceType", ""), record.get("Properties") or {})
        for each in _stacks.values()
        for record in each.get("_resources", {}).values()
    ]
    _running.add(stack["StackId"])
    # Readers call this cloud over HTTP: on its own event loop they would wait for themselves.
    run = contextvars.copy_context().run
    threading.Thread(target=run, args=(_check, stack, wanted, others, detection), name="drift", daemon=True).start()
    made = f"<StackDriftDetectionId>{detection['StackDriftDetectionId']}</StackDriftDetectionId>"
    return handlers._xml(200, "DetectStackDriftResponse", f"<DetectStackDriftResult>{made}</DetectStackDriftResult>")


def _check(stack: Record, wanted: Sequence[str], others: Sequence[tuple[str, Any]], detection: Record) -> None:
    found: dict[str, str] = {}
    try:
        for logical_id in wanted:
            record = stack["_resources"][logical_id]
            kind = record.get("ResourceType", "")
            if kind in READERS:
                drift = drift_of(stack, logical_id, record, Deployed(
                    clients=_SERVICES, physical_id=record.get("PhysicalResourceId", ""),
                    properties=record.get("Properties") or {}, others=others))  # fmt: skip
            elif emulated.supports_drift(kind):
                drift = emulated.detect_resource_drift(stack, logical_id, record, now_iso())
            else:
                continue
            emulated.record_resource_drift(record, drift)
            found[logical_id] = drift["StackResourceDriftStatus"]
    finally:
        drifted = sum(status in ("MODIFIED", "DELETED") for status in found.values())
        failed = sorted(name for name, status in found.items() if status == "UNKNOWN")
        detection["StackDriftStatus"] = "DRIFTED" if drifted else "UNKNOWN" if failed else "IN_SYNC"
        detection["DriftedStackResourceCount"] = drifted
        if failed:
            detection["DetectionStatusReason"] = f"Failed to detect drift on resources [{', '.join(failed)}]"
        stack["DriftInformation"] = {
            "StackDriftStatus": detection["StackDriftStatus"],
            "LastCheckTimestamp": detection["Timestamp"],
        }
        detection["DetectionStatus"] = "DETECTION_FAILED" if failed else "DETECTION_COMPLETE"
        _running.discard(stack["StackId"])


def drift_of(stack: Record, logical_id: str, record: Record, deployed: Deployed) -> Record:
    """The ``StackResourceDrift`` of one resource whose type has a reader.

    Args:
        stack: As the emulator keeps it.
        logical_id: The resource's name in the template.
        record: As the emulator keeps it.
        deployed: What the reader gets.
    """
    drift = {
        "StackId": stack["StackId"],
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": deployed.physical_id,
        "ResourceType": record["ResourceType"],
        "Timestamp": now_iso(),
    }
    reader = READERS[record["ResourceType"]]
    try:
        actual = reader.read(deployed)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if any(part in code for part in _MEANING_NOTHING):
            return drift | {"StackResourceDriftStatus": "UNKNOWN", "DriftStatusReason": str(error)}
        actual = {}
    except (IndexError, ValueError):  # a reader that found no row of it in a list
        actual = {}
    except Exception as error:
        log.exception("%s could not be read", logical_id)
        return drift | {"StackResourceDriftStatus": "UNKNOWN", "DriftStatusReason": str(error)}
    if not actual:
        return drift | {"StackResourceDriftStatus": "DELETED"}
    expected, found = _sides(reader, deployed.properties, actual, as_map(stack.get("Tags")))
    differences = [each for name in expected for each in _difference(name, expected[name], found.get(name))]
    return drift | {
        "StackResourceDriftStatus": "MODIFIED" if differences else "IN_SYNC",
        "ExpectedProperties": _text(expected),
        "ActualProperties": _text(found),
        **({"PropertyDifferences": differences} if differences else {}),
    }


def _sides(
    reader: Reader, properties: Mapping[str, Any], actual: Mapping[str, Any], stack_tags: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the template sets, and the same properties as they are now."""
    expected = {name: template_form(name, value) for name, value in properties.items() if name not in reader.unread}
    found = {name: actual.get(name, reader.defaults.get(name)) for name in expected}
    if "Tags" in actual:
        wanted = {**stack_tags, **as_map(properties.get("Tags"))}
        expected["Tags"] = {key: value for key, value in wanted.items() if not key.startswith("aws:")}
        found["Tags"] = as_map(actual["Tags"])
    return expected, found


def _difference(name: str, expected: Any, found: Any) -> list[dict[str, str]]:
    path = difference(expected, found, name)
    extra = sorted(set(found) - set(expected)) if name == "Tags" and path is None and found else []
    if path is None and not extra:
        return []
    if path is None:
        return [_row(f"/Tags/{key}", None, found[key]) for key in extra]
    inner = path[len(name) :].lstrip(".").split(".") if path != name else []
    return [_row("/" + path.replace(".", "/"), _within(expected, inner), _within(found, inner))]


def _row(path: str, expected: Any, found: Any) -> dict[str, str]:
    kind = "ADD" if expected is None else "REMOVE" if found is None else "NOT_EQUAL"
    return {"PropertyPath": path, "ExpectedValue": _text(expected), "ActualValue": _text(found), "DifferenceType": kind}


def _within(value: Any, path: Sequence[str]) -> Any:
    """What stands at a path, or the whole where the path runs through a name with a dot or a list."""
    inner = value
    for part in path:
        if not isinstance(inner, Mapping):
            return value
        inner = inner.get(part)
    return inner


_text: Callable[[Any], str] = emulated._scalar_text
