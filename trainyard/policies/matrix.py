"""Who may do what: cases decided by the policies of an environment, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trainyard.policies import cases
from trainyard.policies.assembly import Environment, Principal
from trainyard.policies.cases import Case
from trainyard.policies.documents import Policy, parse
from trainyard.policies.evaluation import Decision, Policies, Request, decide
from trainyard.policies.pipeline_jobs import PipelineJobs
from trainyard.policies.places import Place, places

_FULL = {"Sid": "FullAWSAccess", "Effect": "Allow", "Action": "*", "Resource": "*"}
_EVERYTHING = parse({"Statement": _FULL}, "organization")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A case with its decision."""

    principal: str
    """Label."""
    case: Case
    decision: Decision

    @property
    def as_it_must(self) -> bool:
        """Whether what must be allowed is, and nothing else."""
        return self.decision.allowed == self.case.allowed


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Whether a role reads and writes a place."""

    principal: str
    place: Place
    own: bool
    """Whether the role's own pipeline names it."""
    reads: Decision
    writes: Decision

    @property
    def as_it_must(self) -> bool:
        """Whether it reads what its pipeline names, and touches nothing else."""
        return self.reads.allowed if self.own else not (self.reads.allowed or self.writes.allowed)


def rows(environment: Environment) -> list[Row]:
    """All cases of an environment, role by role."""
    bounded = any(principal.boundary for principal in environment.principals)
    found = []
    for principal in environment.principals:
        wanted = [case for pipeline in environment.pipelines if pipeline.role == principal.arn
                  for case in cases.job_cases(environment, pipeline)]  # fmt: skip
        job = _named_job(principal)
        if job and environment.pipelines:
            wanted += cases.people_cases(environment, environment.pipelines[0], principal.arn, job)
        for case in (
            *(case for case in wanted if bounded or not case.guardrail),
            *cases.calling_cases(environment, principal),
            *cases.every_role_cases(environment, principal.arn),
        ):
            decision = decision_of(environment, principal, case.request)
            found.append(Row(principal=principal.label, case=case, decision=decision))
    return found


def _named_job(principal: Principal) -> str | None:
    """A training job that a person may start by name, or ``None``."""
    if principal.trust:
        return None
    found = [resource for policy in principal.identity for statement in policy for resource in statement.resources
             if statement.allows and "sagemaker:CreateTrainingJob" in statement.actions]  # fmt: skip
    return found[0].replace("*", "try") if found else None


def reach(environment: Environment) -> list[Reach]:
    """Which jobs reach which places: of each pipeline's jobs against the places of all pipelines."""
    by_arn = {principal.arn: principal for principal in environment.principals}
    jobs = {_jobs_role(pipeline): pipeline for pipeline in environment.pipelines}
    known = {role: places(pipeline) for role, pipeline in jobs.items()}
    everywhere = sorted({place for found in known.values() for place in found}, key=lambda place: place.uri)
    return [
        Reach(
            principal=by_arn[role].label,
            place=place,
            own=any(place.below(own) for own in known[role]),
            reads=decision_of(environment, by_arn[role], _object(environment, role, "s3:GetObject", place)),
            writes=decision_of(environment, by_arn[role], _object(environment, role, "s3:PutObject", place)),
        )
        for role in jobs
        for place in everywhere
    ]


def decision_of(environment: Environment, principal: Principal, request: Request) -> Decision:
    """What the environment's policies make of a request by one of its principals."""
    bucket = request.resource.removeprefix("arn:aws:s3:::").partition("/")[0]
    key = environment.keys.get(request.resource)
    # Nobody has a boundary who is no role: the organisation's policy binds people.
    scp = environment.service_control_policy if not principal.trust else None
    return decide(
        request,
        Policies(
            identity=principal.identity,
            boundary=principal.boundary,
            organization=(_level(scp),) if scp else (),
            resource=key or environment.buckets.get(bucket),
            resource_decides=key is not None,
        ),
    )


def _level(document: dict[str, Any]) -> Policy:
    return (*parse(document, "service control policy"), *_EVERYTHING)


def _jobs_role(pipeline: PipelineJobs) -> str:
    return str(next(iter(pipeline.requests.values()))["RoleArn"])


def _object(environment: Environment, role: str, action: str, place: Place) -> Request:
    keys = {"aws:requestedregion": environment.region, "aws:securetransport": "true"}
    return Request(principal=role, action=action, resource=f"{place.arn}/object", owner=environment.account, keys=keys)


def markdown(environment: Environment, name: str) -> str:
    """The tables as a part of a document."""
    parts = [*_reach_lines(reach(environment)), "", *_row_lines(rows(environment))]
    return f"### {name}\n\n" + "\n".join(parts) + "\n"


def _reach_lines(found: Sequence[Reach]) -> Iterator[str]:
    yield "| jobs of | place | own | read | write |"
    yield "| --- | --- | --- | --- | --- |"
    for one in found:
        own = "yes" if one.own else "no"
        yield f"| {one.principal} | `{one.place.short}` | {own} | {_word(one.reads)} | {_word(one.writes)} |"


def _row_lines(found: Sequence[Row]) -> Iterator[str]:
    """Cases that several roles decide alike stand in one line."""
    yield "| role | call | decision | decided by |"
    yield "| --- | --- | --- | --- |"
    alike: dict[tuple[str, bool, str], list[str]] = {}
    for row in found:
        by = row.decision.by.rpartition("/")[2] if row.decision.explicit else row.decision.by
        by = f"its statement {by}" if by.isdigit() else by if row.decision.explicit else f"nothing in {by}"
        alike.setdefault((row.case.says, row.decision.allowed, by), []).append(row.principal)
    for (says, allowed, by), principals in alike.items():
        who = ", ".join(principals) if len(principals) <= 3 else f"{len(principals)} roles"
        yield f"| {who} | {says} | {'allow' if allowed else '**deny**'} | {by} |"


def _word(decision: Decision) -> str:
    return "allow" if decision.allowed else "**deny**"
