"""One way to refuse a value: field, value, rule, way out."""

from __future__ import annotations

from typing import NoReturn


class ContractError(ValueError):
    """A value that the contract forbids. The message is one line meant for a user."""

    def __init__(self, field: str, value: object, rule: str, way_out: str) -> None:
        self.field, self.value, self.rule, self.way_out = field, value, rule, way_out
        super().__init__(f"{field}: got {value!r}, but {rule}. {way_out}")

    def __reduce__(self) -> tuple[type[ContractError], tuple[str, object, str, str]]:
        return type(self), (self.field, self.value, self.rule, self.way_out)


def reject(field: str, value: object, rule: str, way_out: str) -> NoReturn:
    """Refuse ``value``.

    Args:
        field: Dotted path of the field, as the user wrote it.
        value: What was received.
        rule: The rule it breaks, as a clause after "but".
        way_out: What to write instead, a full sentence.

    Raises:
        ContractError: Always.
    """
    raise ContractError(field, value, rule, way_out)
