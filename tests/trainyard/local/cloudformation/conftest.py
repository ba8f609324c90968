"""Stacks from raw templates on the real daemon, and their read-back."""

from __future__ import annotations

import copy
import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trainyard.local.readback import ReadBack, read_back

Template = dict[str, Any]


class StackFailed(Exception):
    """A stack operation did not end well; the message holds every reason that CloudFormation gave."""


class Stack:
    """A stack under test."""

    def __init__(self, client: Callable[[str], Any], folder: Path, name: str) -> None:
        self._client, self._folder, self.name = client, folder, name
        self._template: Template = {}
        self._id = ""
        self.exists = False

    @property
    def _api(self) -> Any:
        return self._client("cloudformation")

    def deploy(self, template: Template, **parameters: str) -> dict[str, str]:
        """Creates or updates the stack; returns its outputs."""
        self._template = copy.deepcopy(template)
        given = {
            "StackName": self.name,
            "TemplateBody": json.dumps(template),
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        }
        answer = (self._api.update_stack if self.exists else self._api.create_stack)(**given)
        self._id = answer["StackId"]
        wanted = "UPDATE_COMPLETE" if self.exists else "CREATE_COMPLETE"
        self.exists = True
        return self._wait(wanted)

    def delete(self) -> None:
        if self.exists:
            self._api.delete_stack(StackName=self._id)
            self._wait("DELETE_COMPLETE")
            self.exists = False

    def _wait(self, wanted: str) -> dict[str, str]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            stack = self._api.describe_stacks(StackName=self._id)["Stacks"][0]
            if not stack["StackStatus"].endswith("IN_PROGRESS"):
                break
            time.sleep(0.05)
        if stack["StackStatus"] != wanted:
            events = self._api.describe_stack_events(StackName=self._id)["StackEvents"]
            reasons = [e.get("ResourceStatusReason", "") for e in events if e["ResourceStatus"].endswith("FAILED")]
            raise StackFailed(f"{stack['StackStatus']}: {' | '.join(reasons)}")
        return {row["OutputKey"]: row["OutputValue"] for row in stack.get("Outputs", [])}

    def physical_id(self, logical_id: str) -> str:
        found = self._api.describe_stack_resource(StackName=self.name, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def read_back(self, template: Template | None = None) -> ReadBack:
        """Holds the stack against the template that was deployed, or another one."""
        artifact = {
            "type": "aws:cloudformation:stack",
            "properties": {"templateFile": "it.template.json", "stackName": self.name},
        }
        (self._folder / "it.template.json").write_text(json.dumps(template or self._template))
        (self._folder / "manifest.json").write_text(json.dumps({"artifacts": {self.name: artifact}}))

        clients = self._client

        class Session:
            def client(self, service: str) -> Any:
                return clients(service)

        return read_back(self._folder, [self.name], Session())


@pytest.fixture
def make_stack(client: Callable[[str], Any], tmp_path: Path) -> Iterator[Callable[[], Stack]]:
    """Makes stacks for one test; the last one made is the first to go."""
    made: list[Stack] = []

    def make() -> Stack:
        made.append(Stack(client, tmp_path, f"test-{uuid.uuid4().hex[:8]}"))
        return made[-1]

    yield make
    for stack in reversed(made):
        stack.delete()


@pytest.fixture
def stack(make_stack: Callable[[], Stack]) -> Stack:
    """A stack of its own for one test."""
    return make_stack()


@pytest.fixture
def failed() -> type[StackFailed]:
    return StackFailed
