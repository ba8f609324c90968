"""Faults: what each kind takes, which requests it hits, how often, and across a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Caller, Service
from trainyard.local.api.store import Store
from trainyard.local.faults import Faults
from trainyard.local.faults.fault import FIELDS_OF_KIND
from trainyard.local.faults.model import FAULTS_MODEL
from trainyard.local.faults.operations import FaultOperations

CALLER = Caller(account="123456789012", region="us-east-1", arn="arn:aws:iam::123456789012:root")


def inject(faults: Faults, **request: Any) -> str:
    return str(Service(FAULTS_MODEL, FaultOperations(faults)).call("InjectFault", request, CALLER)["FaultId"])


@given(skip=st.integers(0, 4), count=st.integers(1, 4), requests=st.integers(0, 12))
def test_an_s3_error_skips_strikes_and_ends(skip: int, count: int, requests: int) -> None:
    faults = Faults()
    inject(faults, Kind="S3Error", Bucket="b", Operation="Put*", Key="step-*/x", Skip=skip, Count=count)
    assert faults.match_s3("b", "step-1/x", "GetObject") is None
    assert faults.match_s3("b", "other", "PutObject") is None
    assert faults.match_s3("c", "step-1/x", "PutObject") is None
    struck = [faults.match_s3("b", f"step-{index}/x", "PutObject") is not None for index in range(requests)]
    assert struck == [skip <= index < skip + count for index in range(requests)]


def test_faults_outlive_a_restart(tmp_path: Path) -> None:
    first = Faults(Store(tmp_path / "store.db"))
    inject(first, Kind="DiskFull", TrainingJobName="job", SizeInBytes=5, Count=2)
    inject(first, Kind="S3Error", Bucket="b", ErrorCode="SlowDown", StatusCode=503, DelaySeconds=1.5)
    assert first.disk_limit("job") == 5
    second = Faults(Store(tmp_path / "store.db"))
    assert second.disk_limit("other") is None
    assert second.disk_limit("job") == 5
    fault = second.match_s3("b", "k", "GetObject")
    assert fault is not None
    assert (fault.error_code, fault.status_code, fault.delay_seconds) == ("SlowDown", 503, 1.5)
    assert Faults(Store(tmp_path / "store.db")).match_s3("b", "k", "GetObject") is None


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"Kind": "Earthquake"}, "HostLoss, NodeHealth, NodeLoss, S3Error, SpotReclaim]"),
        ({"Kind": "SpotReclaim"}, "TrainingJobName: got nothing, but a fault of kind SpotReclaim needs it"),
        ({"Kind": "SpotReclaim", "TrainingJobName": "a", "Bucket": "b"}, "Bucket: got 'b', but a fault of kind"),
        ({"Kind": "SpotReclaim", "TrainingJobName": "a", "AfterSeconds": -1}, "greater than or equal to 0"),
        ({"Kind": "SpotReclaim", "TrainingJobName": "a", "LogPattern": "("}, "that is no regular expression"),
        ({"Kind": "S3Error", "Bucket": "b", "StatusCode": 200}, "greater than or equal to 400"),
        ({"Kind": "HostLoss", "TrainingJobName": "a", "Host": 0}, "greater than or equal to 1"),
    ],
)
def test_a_wrong_fault_is_refused_by_field(request_: dict[str, Any], message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        inject(Faults(), **request_)
    assert message in caught.value.message


def test_every_field_of_every_kind_is_known_to_the_model() -> None:
    shape: Any = FAULTS_MODEL.operation_model("InjectFault").input_shape
    for required, optional in FIELDS_OF_KIND.values():
        assert (required | optional) <= set(shape.members)
    assert set(shape.members["Kind"].enum) == set(FIELDS_OF_KIND)
