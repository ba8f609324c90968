"""What all steps share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from constructs_lib.training.binding import Binding
from constructs_lib.values import Value


class Step(Value):
    """One step."""

    name: str = Field(pattern=r"^[A-Za-z0-9](-*[A-Za-z0-9]){0,62}$")
    """Name inside the pipeline, at most 63 characters."""
    depends_on: tuple[str, ...] = ()
    """Steps that come first although nothing of theirs is read; none by default."""

    def bind(self, binding: Binding, /) -> dict[str, Any]:
        """Grant what the step needs and give its entry in the definition, with expressions unrendered."""
        raise NotImplementedError

    def nested(self) -> Iterable[Step]:
        """Steps inside this one."""
        return ()

    def entry(self, kind: str, arguments: dict[str, Any], **further: Any) -> dict[str, Any]:
        """The entry in the definition."""
        order = {"DependsOn": list(self.depends_on)} if self.depends_on else {}
        rest = {name: value for name, value in further.items() if value}
        return {"Name": self.name, "Type": kind, **order, "Arguments": arguments, **rest}
