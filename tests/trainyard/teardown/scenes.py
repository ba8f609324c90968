"""Surveys as the cloud would give them, and a cloud that answers what it is told to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainyard.assembly.stacks import AssemblyStack
from trainyard.teardown.assembled import Assembled
from trainyard.teardown.bills import Bill
from trainyard.teardown.deployed import Resource, Stack
from trainyard.teardown.holders import Contents, Holder, Say
from trainyard.teardown.looking import Look
from trainyard.teardown.strays import Stray, When
from trainyard.teardown.survey import Held, Survey

BUCKET, KEY, LOGS, FILES = "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::FSx::FileSystem"
ACCOUNT, REGION = "123456789012", "us-east-1"


@dataclass(frozen=True, kw_only=True)
class Beside(Stray):
    """Something beside the stacks."""

    def remove(self, look: Look, say: Say) -> None:
        raise AssertionError("plans only say")


def environment(stacks: Iterable[str] = (), *, protected: bool = False) -> Assembled:
    return Assembled(
        name="local", account=ACCOUNT, region=REGION, tags={"application": "trainyard", "environment": "local"},
        stacks={name: AssemblyStack(id=f"Local/{name}", name=name, file=Path("/none"), account=ACCOUNT, region=REGION,
                                    protected=protected) for name in stacks},
    )  # fmt: skip


def stack(name: str, resources: Iterable[Resource] = (), **more: Any) -> Stack:
    template = {"Resources": {each.logical: {"Type": each.type, "Properties": {}} for each in resources}}
    given = {"arn": f"arn:{name}", "status": "CREATE_COMPLETE", "protected": False, "template": template,
             "parameters": {}, "exports": frozenset(), "imports": frozenset(), "assembled": True}  # fmt: skip
    return Stack(name=name, resources=tuple(resources), **{**given, **more})


def resource(stack: str, logical: str, kind: str, *, retained: bool = False) -> Resource:
    return Resource(stack=stack, logical=logical, type=kind, physical=logical.lower(), retained=retained)


def held(kind: str, name: str, stack: str | None, *, data: bool = True, retained: bool = False, key: str = "") -> Held:
    arn = f"arn:aws:kms:x:y:key/{key}" if key else None
    return Held(
        holder=Holder.registered[kind], identity=name, stack=stack, logical=name, retained=retained,
        contents=Contents(says="things", data=data, bill=Bill(certain=1), key=arn),
    )  # fmt: skip


def beside(what: str, when: When, *, data: bool = False, record: bool = False) -> Stray:
    return Beside(what=what, why="it runs", when=when, data=data, record=record, bill=Bill(certain=2))


def survey(
    stacks: Iterable[Stack] = (),
    needs: Mapping[str, set[str]] | None = None,
    held: Iterable[Held] = (),
    strays: Iterable[Stray] = (),
    *,
    protected: bool = False,
    unseen: tuple[str, ...] = (),
) -> Survey:
    named = {each.name: each for each in stacks}
    return Survey(
        environment=environment(named, protected=protected), stacks=named, needs=needs or {}, held=tuple(held),
        strays=tuple(strays), bills={}, unseen=unseen,
    )  # fmt: skip
