"""What all List operations have in common: filters, order and pages."""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from typing import Any

from trainyard.local.api.errors import invalid

_FILTERS = {
    "CreationTimeAfter": ("CreationTime", 1),
    "CreationTimeBefore": ("CreationTime", -1),
    "LastModifiedTimeAfter": ("LastModifiedTime", 1),
    "LastModifiedTimeBefore": ("LastModifiedTime", -1),
}


def select(
    documents: Iterable[Mapping[str, Any]], request: Mapping[str, Any], *, name: str, status: str = ""
) -> list[Mapping[str, Any]]:
    """The documents a List request asks for, in its order.

    Understands NameContains, StatusEquals, CreationTime…, LastModifiedTime…, SortBy (Name, CreationTime, Status)
    and SortOrder.

    Args:
        documents: candidates, oldest first.
        request: the request.
        name: the documents' field that holds their name.
        status: the documents' field that holds their status.
    """
    chosen = [document for document in documents if _wanted(document, request, name, status)]
    by = {"Name": name, "Status": status}.get(request.get("SortBy", ""), "")
    if by:
        chosen.sort(key=lambda document: str(document[by]))
    if request.get("SortOrder") == "Descending":
        chosen.reverse()
    return chosen


def page(
    items: Iterable[Mapping[str, Any]],
    request: Mapping[str, Any],
    key: str,
    *,
    identity: str | None = None,
    default: int = 100,
) -> dict[str, Any]:
    """One page of `items` as the answer of a List operation: {key: […], "NextToken": …}.

    Args:
        items: all items, in order.
        request: MaxResults and NextToken are read from it.
        key: the answer's field for the items.
        identity: a field that names an item for good (an ARN): items that come or go between two pages move nothing.
        default: length of a page when the request does not say it.

    Raises:
        ServiceError: the token is not one that this function gave out.
    """
    rows = list(items)
    start = _start(rows, request["NextToken"], identity) if request.get("NextToken") else 0
    end = start + int(request.get("MaxResults", default))
    answer: dict[str, Any] = {key: rows[start:end]}
    if end < len(rows):
        last = rows[end - 1][identity] if identity else None
        answer["NextToken"] = base64.urlsafe_b64encode(json.dumps([end, last]).encode()).decode()
    return answer


def _wanted(document: Mapping[str, Any], request: Mapping[str, Any], name: str, status: str) -> bool:
    if request.get("NameContains", "").lower() not in str(document[name]).lower():
        return False
    if "StatusEquals" in request and document[status] != request["StatusEquals"]:
        return False
    return all(
        sign * (document[field] - request[bound]) > 0 for bound, (field, sign) in _FILTERS.items() if bound in request
    )


def _start(rows: list[Mapping[str, Any]], token: str, identity: str | None) -> int:
    try:
        end, last = json.loads(base64.urlsafe_b64decode(token.encode()))
        end = int(end)
    except (ValueError, TypeError, binascii.Error) as error:
        raise invalid(f"Invalid NextToken {token!r}: pass the NextToken of the previous answer unchanged.") from error
    if identity:
        # An item that is gone leaves its old position as the best guess.
        return next((index + 1 for index, row in enumerate(rows) if row[identity] == last), end)
    return end
