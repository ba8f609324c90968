"""What an account must know of the pipeline that deploys into it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

from aws_cdk import aws_iam as iam
from constructs import Construct
from pydantic import Field, SerializeAsAny, model_validator

from constructs_lib.delivery.repository import Repository
from constructs_lib.delivery.trust import AUDIENCE, ISSUER
from constructs_lib.values import Value
from ml_contract.errors import reject


class Provider(Value):
    """GitHub as a provider of identities, of which an account has one."""

    @abstractmethod
    def bind(self, scope: Construct, account_arn: str, /) -> str:
        """ARN of the provider.

        Args:
            scope: Parent of what is made.
            account_arn: Beginning of ARNs of IAM in the account, up to the colon before the resource.
        """


class NewProvider(Provider):
    """One that the stack makes."""

    def bind(self, scope: Construct, _account_arn: str, /) -> str:
        # IAM finds the certificates of GitHub by itself and asks for no thumbprints.
        made = iam.OidcProviderNative(scope, "GitHub", url=f"https://{ISSUER}", client_ids=[AUDIENCE])
        return made.oidc_provider_arn


class AccountProvider(Provider):
    """One that the account has already; `sts.amazonaws.com` must be among its audiences."""

    def bind(self, _scope: Construct, account_arn: str, /) -> str:
        return f"{account_arn}:oidc-provider/{ISSUER}"


class GitHub(Value):
    """GitHub Actions of one repository, and what guards them there."""

    repository: SerializeAsAny[Repository]
    """The only one that is trusted."""
    branch: str = Field(pattern=r"^[A-Za-z0-9._/-]+$")
    """The only branch that is deployed from."""
    deploys: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    """GitHub's environment whose jobs may deploy. Its rules ask people first, and admit the branch alone."""
    looks: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    """GitHub's environment whose jobs may look: at differences before a deployment, and at drift. It asks nobody, and
    admits the branch alone."""
    provider: SerializeAsAny[Provider]
    """Whether the account's provider of GitHub's identities is made or is there."""
    workflow: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]+\.ya?ml$")
    """File below ``.github/workflows`` that alone may deploy; by default any of the branch's in the environment."""
    session_hours: int = Field(default=2, ge=1, le=12)
    """How long a deployment may take in hours: clusters come up for most of one; 2 by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.deploys == self.looks:
            reject("looks", self.looks, "who looks must not be able to deploy",
                   f"Name another environment, for example {self.deploys}-look.")  # fmt: skip
        return self
