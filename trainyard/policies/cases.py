"""Calls that are tried for each role: those that it must be able to make, and each thing that is wrong.

A job's calls are those of the deployed pipeline's own definition: what is allowed is what really starts, and every
denial changes one thing of it.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trainyard.local.hooks.sagemaker_access import condition_keys
from trainyard.policies.assembly import Environment, Principal
from trainyard.policies.evaluation import Request
from trainyard.policies.pipeline_jobs import PipelineJobs

Change = Callable[[dict[str, Any]], None]

FOREIGN_ACCOUNT = "999999999999"
_FOREIGN_KEY = f"arn:aws:kms:us-east-1:{FOREIGN_ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
_LONGEST_S = 28 * 24 * 3600
_ANY_OTHER_REGION = "ap-southeast-7"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call and what must come of it."""

    role: str
    """ARN of who calls."""
    says: str
    """What is tried, in a few words."""
    request: Request
    allowed: bool
    """Whether it must be allowed."""
    guardrail: bool = False
    """Whether only guardrails deny it: an environment without them need not."""


def job_cases(environment: Environment, pipeline: PipelineJobs) -> Iterator[Case]:
    """What a pipeline's role starts, and each guardrail that it could run into.

    Args:
        environment: Where it is.
        pipeline: With its steps.
    """
    for step, arguments in pipeline.requests.items():
        call = _call(environment, pipeline, step)
        yield Case(role=pipeline.role, says=f"{step} as defined", request=call(arguments), allowed=True)
    step = next((name for name, kind in pipeline.kinds.items() if kind == "Training"), next(iter(pipeline.requests)))
    call, arguments = _call(environment, pipeline, step), pipeline.requests[step]
    for says, change in _changes().items():
        changed = copy.deepcopy(dict(arguments))
        change(changed)
        yield Case(role=pipeline.role, says=f"{step} {says}", request=call(changed), allowed=False, guardrail=True)
    elsewhere = call(arguments, region=_ANY_OTHER_REGION)
    yield Case(role=pipeline.role, says=f"{step} in another region", request=elsewhere, allowed=False)
    yield from _passing(environment, pipeline, str(arguments["RoleArn"]))


def people_cases(environment: Environment, pipeline: PipelineJobs, who: str, job: str) -> Iterator[Case]:
    """What people start by themselves: a pipeline's training under a name of theirs, and the same guardrails.

    Args:
        environment: Where it is.
        pipeline: Whose training is tried.
        who: ARN of the person.
        job: ARN of a training job that the person's policy is about.
    """
    for step, kind in pipeline.kinds.items():
        if kind != "Training":
            continue
        call, arguments = _call(environment, pipeline, step), pipeline.requests[step]
        wanted: dict[str, Change] = {"as the pipeline does": lambda _: None, **_changes()}
        for rank, (says, change) in enumerate(wanted.items()):
            changed = copy.deepcopy(dict(arguments))
            change(changed)
            request = dataclasses.replace(call(changed), principal=who, resource=job)
            yield Case(role=who, says=f"trains by hand {says}", request=request, allowed=not rank, guardrail=bool(rank))
        foreign = dataclasses.replace(call(arguments), principal=who)
        yield Case(role=who, says="trains by hand under a pipeline's name", request=foreign, allowed=False)


def _call(environment: Environment, pipeline: PipelineJobs, step: str) -> Callable[..., Request]:
    kind = pipeline.kinds[step]

    def call(arguments: Mapping[str, Any], region: str = environment.region) -> Request:
        keys = {name.lower(): value for name, value in condition_keys(arguments).items()}
        name = f"pipelines-0123456789ab-{step}-abcdef"
        return Request(
            principal=pipeline.role, action=f"sagemaker:Create{kind}Job", owner=environment.account,
            resource=f"arn:aws:sagemaker:{region}:{environment.account}:{kind.lower()}-job/{name}",
            keys={**_texts(keys), "aws:requestedregion": region},
        )  # fmt: skip

    return call


def _texts(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {name: [str(each) for each in value] if isinstance(value, list) else str(value)
            for name, value in keys.items()}  # fmt: skip


def _changes() -> dict[str, Change]:
    def hosts(request: dict[str, Any]) -> dict[str, Any]:
        return dict[str, Any](request.get("ResourceConfig") or request["ProcessingResources"]["ClusterConfig"])

    def set_hosts(**changed: Any) -> Change:
        def change(request: dict[str, Any]) -> None:
            found = hosts(request) | changed
            if "ResourceConfig" in request:
                request["ResourceConfig"] = found
            else:
                request["ProcessingResources"] = {"ClusterConfig": found}

        return change

    def set_network(**changed: Any) -> Change:
        def change(request: dict[str, Any]) -> None:
            holder = request if "VpcConfig" in request else request["NetworkConfig"]
            holder["VpcConfig"] = {**holder["VpcConfig"], **changed} if changed else {}

        return change

    def set_output(key: str | None) -> Change:
        def change(request: dict[str, Any]) -> None:
            name = "OutputDataConfig" if "OutputDataConfig" in request else "ProcessingOutputConfig"
            request[name] = {**request[name], "KmsKeyId": key}

        return change

    def set_end(seconds: int | None) -> Change:
        def change(request: dict[str, Any]) -> None:
            request["StoppingCondition"] = {} if seconds is None else {"MaxRuntimeInSeconds": seconds}

        return change

    return {
        "on instances of another family": set_hosts(InstanceType="ml.u-24tb1.112xlarge"),
        "for 28 days": set_end(_LONGEST_S),
        "without an end": set_end(None),
        "outside of any VPC": set_network(),
        "in another subnet": set_network(Subnets=["subnet-0fffffffffffffff0"]),
        "in another security group": set_network(SecurityGroupIds=["sg-0fffffffffffffff0"]),
        "with output in plain": set_output(None),
        "with output under a foreign key": set_output(_FOREIGN_KEY),
        "with volumes under a foreign key": set_hosts(VolumeKmsKeyId=_FOREIGN_KEY),
        "with volumes in plain": set_hosts(InstanceType="ml.m5.xlarge", VolumeKmsKeyId=None),
    }


def _passing(environment: Environment, pipeline: PipelineJobs, jobs: str) -> Iterator[Case]:
    def passing(role: str, service: str) -> Request:
        return Request(
            principal=pipeline.role, action="iam:PassRole", resource=role, owner=environment.account,
            keys={"iam:passedtoservice": service, "aws:requestedregion": "us-east-1"},
        )  # fmt: skip

    sagemaker, ec2 = "sagemaker.amazonaws.com", "ec2.amazonaws.com"
    for says, request, allowed in (
        ("passes its jobs' role to SageMaker", passing(jobs, sagemaker), True),
        ("passes its jobs' role to EC2", passing(jobs, ec2), False),
        ("passes its own role on", passing(pipeline.role, sagemaker), False),
    ):
        yield Case(role=pipeline.role, says=says, request=request, allowed=allowed)


def calling_cases(environment: Environment, principal: Principal) -> Iterator[Case]:
    """What a policy that lets somebody ask an endpoint must allow, and what lies just beside it.

    Args:
        environment: Where it is.
        principal: Of whose policies the endpoints and models are read; one that asks nothing has no such case.
    """
    key, ask = "sagemaker:targetmodel", "sagemaker:InvokeEndpoint"
    for statement in (one for policy in principal.identity for one in policy if one.allows and ask in one.actions):
        named = {name.lower(): values for tests in statement.conditions.values() for name, values in tests.items()}
        (endpoint,) = (one for one in statement.resources if ":endpoint/" in one)

        def asked(model: str | None, where: str) -> Request:
            keys = {"aws:requestedregion": environment.region, **({key: model} if model else {})}
            return Request(principal=principal.arn, action=ask, resource=where, owner=environment.account, keys=keys)

        name = endpoint.rpartition("/")[2]
        own: list[str | None] = [model.replace("*", "1/model.tar.gz") for model in named.get(key, ())]
        for model in own or [None]:
            said = f"asks {name}" + (f" for {model}" if model else "")
            yield Case(role=principal.arn, says=said, request=asked(model, endpoint), allowed=True)
            elsewhere = f"{endpoint}-of-others"
            yield Case(role=principal.arn, says=f"{said} on another endpoint", request=asked(model, elsewhere),
                       allowed=False)  # fmt: skip
        if own:
            for other, said in (("of-others/1/model.tar.gz", "a model of others"), (None, "no model by name")):
                yield Case(role=principal.arn, says=f"asks {name} for {said}", request=asked(other, endpoint),
                           allowed=False)  # fmt: skip


def every_role_cases(environment: Environment, role: str) -> Iterator[Case]:
    """What no role of the platform may do, whoever it is."""
    here, account = environment.region, environment.account
    tried: tuple[tuple[str, str, str, dict[str, str], str], ...] = (
        ("starts a machine of EC2", "ec2:RunInstances", f"arn:aws:ec2:{here}:{account}:instance/*", {}, account),
        ("gives itself a policy", "iam:PutRolePolicy", role, {}, account),
        ("takes its boundary off", "iam:DeleteRolePermissionsBoundary", role, {}, account),
        ("opens a bucket", "s3:PutBucketPolicy", "*", {}, account),
        ("reads a public model", "s3:GetObject", "arn:aws:s3:::public-models/llama/weights", {}, FOREIGN_ACCOUNT),
        ("writes to a foreign bucket", "s3:PutObject", "arn:aws:s3:::elsewhere/stolen", {}, FOREIGN_ACCOUNT),
        ("takes the role of another", "sts:AssumeRole", f"arn:aws:iam::{account}:role/Administrator", {}, account),
        ("opens a notebook", "sagemaker:CreateNotebookInstance",
         f"arn:aws:sagemaker:{here}:{account}:notebook-instance/n", {"sagemaker:directinternetaccess": "Enabled"},
         account),
    )  # fmt: skip
    for says, action, resource, keys, owner in tried:
        request = Request(principal=role, action=action, resource=resource, owner=owner,
                          keys={"aws:requestedregion": here, "aws:securetransport": "true", **keys})  # fmt: skip
        yield Case(role=role, says=says, request=request, allowed=False)
