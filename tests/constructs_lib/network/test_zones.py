"""Zones are known without asking an account, or refused."""

import aws_cdk as cdk
import pytest

from constructs_lib.network import know_availability_zones
from constructs_lib.network.zones import check_zones
from ml_contract.errors import ContractError


def stack(**env: str) -> cdk.Stack:
    return cdk.Stack(cdk.App(), "S", env=cdk.Environment(**env) if env else None)


HERE = {"account": "111111111111", "region": "us-east-1"}


def test_zones_that_nobody_told_would_be_asked_for_and_are_refused() -> None:
    with pytest.raises(ContractError, match=r"ask the account 111111111111 .* Call know_availability_zones on"):
        check_zones(stack(**HERE), ("us-east-1a",))


def test_a_zone_that_was_not_told_is_refused_with_those_that_were() -> None:
    found = stack(**HERE)
    know_availability_zones(found, ("us-east-1a", "us-east-1b"))
    check_zones(found, ("us-east-1b",))
    with pytest.raises(
        ContractError, match=r"got 'us-east-1c', but the context of the app knows us-east-1a, us-east-1b"
    ):
        check_zones(found, ("us-east-1a", "us-east-1c"))


def test_zones_of_an_account_that_only_deployment_knows_are_not_looked_at() -> None:
    check_zones(stack(), ("us-east-1a",))
