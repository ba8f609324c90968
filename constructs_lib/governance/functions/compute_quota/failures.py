"""What ends a request of CloudFormation."""

from __future__ import annotations

from .comparing import Document


class Failed(Exception):
    """A quota that did not become what was asked; the message is meant for whoever deploys."""


class OutOfTime(Failed):
    """SageMaker took longer than there is time for."""


class Gone(Failed):
    """A quota that somebody deleted outside the stack."""


def story(name: str, found: Document | None) -> str:
    """Why a quota is not ready, for whoever deploys."""
    if found is None:
        return f"{name}: it was deleted meanwhile"
    return f"{name}: {found['Status']}: {found.get('FailureReason') or 'SageMaker gives no reason'}"
