"""Retry policies: the rules of AWS, and when a step is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.pipelines.retries import (
    CAPACITY_ERROR,
    DEFAULT,
    INTERNAL_ERROR,
    RESOURCE_LIMIT,
    SERVICE_FAULT,
    THROTTLING,
    RetryPolicy,
    of_call,
    of_reason,
    parse,
    policy_for,
    problems,
)

ALL = frozenset({CAPACITY_ERROR})


@given(st.integers(0, 20), st.integers(0, 40))
def test_max_attempts_counts_the_retries(limit, done):
    policy = RetryPolicy(exceptions=ALL, max_attempts=limit)
    assert (policy.wait(done, 0) is not None) is (done < limit)


@given(st.integers(0, 14_400), st.floats(0, 1e7), st.integers(0, 5000))
def test_expiry_counts_from_the_start_of_the_step(minutes, age, done):
    policy = RetryPolicy(exceptions=ALL, expire_after_minutes=minutes)
    assert (policy.wait(done, age) is not None) is (age < minutes * 60)


@given(st.integers(0, 43_200), st.floats(0, 1e6), st.integers(0, 2000))
def test_a_wait_grows_by_its_rate_up_to_a_limit(interval, rate, done):
    wait = RetryPolicy(exceptions=ALL, interval_seconds=interval, backoff_rate=rate, expire_after_minutes=1).wait(
        done, 0
    )
    assert 0 <= wait <= 43_200
    if done < 3:
        assert wait == pytest.approx(min(interval * rate**done, 43_200))


def test_the_first_policy_that_covers_a_failure_is_taken():
    one = RetryPolicy(exceptions=frozenset({CAPACITY_ERROR}), max_attempts=1)
    two = RetryPolicy(exceptions=frozenset({CAPACITY_ERROR, THROTTLING}), max_attempts=2)
    assert policy_for((one, two), CAPACITY_ERROR) == (0, one)
    assert policy_for((one, two), THROTTLING) == (1, two)
    assert policy_for((one, two), SERVICE_FAULT) == (-1, DEFAULT)
    assert policy_for((one, two), RESOURCE_LIMIT) is None
    assert policy_for((one, two), None) is None


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("InternalServerError: We encountered an internal error.", INTERNAL_ERROR),
        ("CapacityError: Unable to provision requested ML compute capacity.", CAPACITY_ERROR),
        ("ResourceLimitExceeded: too many", RESOURCE_LIMIT),
        ("AlgorithmError: InternalServerError inside", None),
        ("", None),
    ],
)
def test_a_failure_reason_says_its_type(reason, kind):
    assert of_reason(reason) == kind


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ThrottlingException", 400, THROTTLING),
        ("ResourceLimitExceeded", 400, RESOURCE_LIMIT),
        ("InternalFailure", 500, SERVICE_FAULT),
        ("ServiceUnavailable", 503, SERVICE_FAULT),
        ("AccessDeniedException", 400, None),
        ("ValidationException", 400, None),
    ],
)
def test_a_refused_call_says_its_type(code, status, kind):
    assert of_call(code, status) == kind


def test_a_policy_is_read_with_aws_defaults():
    assert parse([{"ExceptionType": ["SageMaker.CAPACITY_ERROR"]}]) == (
        RetryPolicy(exceptions=ALL, interval_seconds=1, backoff_rate=2.0, max_attempts=5, expire_after_minutes=None),
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ExceptionType": ["SageMaker.OOM"]}, ".ExceptionType: got ['SageMaker.OOM']"),
        ({"ExceptionType": []}, ".ExceptionType: got []"),
        ({"MaxAttempts": 21}, ".MaxAttempts: got 21, but it must be a whole number from 0 to 20"),
        ({"MaxAttempts": 2.0}, ".MaxAttempts: got 2.0"),
        ({"ExpireAfterMin": 14_401}, ".ExpireAfterMin: got 14401"),
        ({"IntervalSeconds": 43_201}, ".IntervalSeconds: got 43201"),
        ({"BackoffRate": -1}, ".BackoffRate: got -1"),
        ({"BackoffRate": True}, ".BackoffRate: got True"),
        ({"MaxAttempts": 1, "ExpireAfterMin": 1}, ": MaxAttempts and ExpireAfterMin exclude each other"),
        ({"Attempts": 1}, ": unknown field 'Attempts'"),
    ],
)
def test_a_bad_policy_is_refused(fields, message):
    found = list(problems([{"ExceptionType": ["SageMaker.CAPACITY_ERROR"]} | fields], "Training"))
    assert len(found) == 1
    assert found[0].startswith(f"RetryPolicies[0]{message}")


def test_only_steps_that_make_something_are_retried():
    assert list(problems([{"ExceptionType": [THROTTLING]}], "Fail")) == [
        "RetryPolicies: a Fail step is not retried; remove them"
    ]
