"""A service: checked requests, dispatch, trimmed answers, errors that say what there is."""

from __future__ import annotations

import pytest

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Answer, Caller, Request, Service, operation

CALLER = Caller(account="123456789012", region="us-east-1", arn="arn:aws:iam::123456789012:root")


class Jobs:
    def __init__(self) -> None:
        self.seen: list[str] = []

    @operation("DescribeTrainingJob")
    def describe(self, request: Request, caller: Caller) -> Answer:
        self.seen.append(request["TrainingJobName"])
        return {"TrainingJobName": request["TrainingJobName"], "RoleArn": caller.arn, "_Internal": 1}

    def start(self) -> None:
        self.seen.append("start")

    def stop(self) -> None:
        raise RuntimeError("cannot")


class Others:
    stopped = False

    @operation("ListTags")
    def list_tags(self, request: Request, caller: Caller) -> Answer:
        return {"Tags": []}

    def stop(self) -> None:
        self.stopped = True


def test_a_request_reaches_its_operation_and_the_answer_is_trimmed() -> None:
    service = Service("sagemaker", Jobs(), Others())
    answer = service.call("DescribeTrainingJob", {"TrainingJobName": "a"}, CALLER)
    assert answer == {"TrainingJobName": "a", "RoleArn": CALLER.arn}


def test_all_broken_rules_are_told_at_once_and_the_operation_is_not_reached() -> None:
    jobs = Jobs()
    with pytest.raises(ServiceError) as caught:
        Service("sagemaker", jobs).call("DescribeTrainingJob", {"TrainingJobName": "_", "Name": 1}, CALLER)
    assert caught.value.code == "ValidationException"
    assert caught.value.message.startswith("2 validation errors detected: Unknown parameter 'Name'")
    assert jobs.seen == []


@pytest.mark.parametrize(("name", "says"), [("CreateHub", "does not run CreateHub"), ("Nothing", "has no operation")])
def test_an_unknown_operation_is_told_what_there_is(name: str, says: str) -> None:
    with pytest.raises(ServiceError, match=f"UnknownOperationException.*{says}.*DescribeTrainingJob, ListTags"):
        Service("sagemaker", Jobs(), Others()).call(name, {}, CALLER)


def test_a_family_that_cannot_stop_keeps_no_other_from_it() -> None:
    jobs, others = Jobs(), Others()
    service = Service("sagemaker", jobs, others)
    service.start()
    service.stop()
    assert jobs.seen == ["start"]
    assert others.stopped


def test_two_families_may_not_answer_one_operation() -> None:
    with pytest.raises(AssertionError, match="two families answer ListTags"):
        Service("sagemaker", Others(), Others())
