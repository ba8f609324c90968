"""A CloudWatch dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct
from pydantic import Field

from constructs_lib.pages.widgets import Widget, placed
from constructs_lib.values import Value


class Narrowed(Value):
    """A field at the top of a page: what is typed there takes a word's place in every search."""

    word: str = Field(min_length=1)
    """The word, which stands in the searches of the page and nowhere else on it."""
    label: str = Field(min_length=1)
    """What is asked for."""

    def render(self) -> dict[str, Any]:
        """As a dashboard's body holds it."""
        return {"type": "pattern", "pattern": self.word, "inputType": "input", "id": "narrowed", "label": self.label,
                "defaultValue": self.word, "visible": True}  # fmt: skip


class Dashboard(Construct):
    """A page of widgets. An account has three for nothing, each further one is billed by the month."""

    resource: cloudwatch.CfnDashboard

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        widgets: Sequence[Widget],
        start: str = "-PT3H",
        narrowed: Narrowed | None = None,
    ) -> None:
        """Build it.

        Args:
            scope: Parent.
            construct_id: Construct id.
            name: Name of the page, once in an account.
            widgets: In the order of reading.
            start: What is shown at first, as an ISO 8601 duration before now; three hours by default.
            narrowed: A field that narrows its searches; none by default.
        """
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        body: dict[str, Any] = {"start": start, "widgets": placed(widgets, stack.region)}
        if narrowed is not None:
            body["variables"] = [narrowed.render()]
        self.resource = cloudwatch.CfnDashboard(
            self, "Resource", dashboard_name=name, dashboard_body=stack.to_json_string(body)
        )
