"""How changes get into an account: whom it trusts to deploy, and what a deployment may do there."""

from constructs_lib.delivery.repository import ImmutableRepository, NamedRepository, Repository
from constructs_lib.delivery.roles import DeliveryRoles
from constructs_lib.delivery.settings import AccountProvider, GitHub, NewProvider, Provider

__all__ = [
    "AccountProvider",
    "DeliveryRoles",
    "GitHub",
    "ImmutableRepository",
    "NamedRepository",
    "NewProvider",
    "Provider",
    "Repository",
]
