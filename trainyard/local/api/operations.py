"""How a family of operations says which operations of the service it answers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

Request = dict[str, Any]
Answer = dict[str, Any]
Method = Callable[[Request, "Caller"], Answer]
_Decorated = TypeVar("_Decorated", bound=Callable[..., Answer])


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who makes a request."""

    account: str
    """Account id, twelve digits."""
    region: str
    """Region of the request."""
    arn: str
    """ARN of the principal: a user, a role session, or the account's root."""


class _Marked(Protocol):
    __operation__: str


def operation(name: str) -> Callable[[_Decorated], _Decorated]:
    """Marks a method `(self, request, caller) -> answer` as the service's operation `name`."""

    def mark(method: _Decorated) -> _Decorated:
        cast(_Marked, method).__operation__ = name
        return method

    return mark


def operations_of(family: object) -> Iterator[tuple[str, Method]]:
    """The operations that a family answers, with its bound methods."""
    for attribute in dir(type(family)):
        name = getattr(getattr(type(family), attribute), "__operation__", None)
        if name is not None:
            yield name, getattr(family, attribute)
