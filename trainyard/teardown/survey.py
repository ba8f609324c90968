"""Everything of an environment that there is: stacks, what holds data, what runs and lies beside them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from ml_contract.errors import ContractError
from trainyard.cost.assumptions import Assumptions
from trainyard.cost.estimate import estimate
from trainyard.cost.prices import Prices
from trainyard.cost.templates import read as read_templates
from trainyard.teardown.assembled import Assembled
from trainyard.teardown.bills import Bill, Tariff
from trainyard.teardown.deployed import GONE, Resource, Stack, deployed, needs
from trainyard.teardown.holders import Contents, Holder
from trainyard.teardown.looking import Look
from trainyard.teardown.right import check_place, check_shared, check_stacks, check_tags
from trainyard.teardown.strays import Around, Stray, everything

_BY_THE_RUN = ("AWS::SageMaker::Pipeline",)
"""Types that bill nothing between their runs, which are looked for by themselves."""
_SKIPPED = "DELETE_SKIPPED"
"""The event of what a stack left behind, when it was deleted or when it replaced the thing. A deleted stack's events
can be read for ninety days (DescribeStackEvents, CloudFormation API reference, read 2026-11-22)."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """One thing that holds data, or may."""

    holder: Holder
    identity: str
    """CloudFormation's physical id."""
    stack: str | None
    """The stack that it is in; None where that is gone."""
    logical: str = ""
    retained: bool
    """Whether it outlives its stack."""
    contents: Contents

    @property
    def name(self) -> str:
        """What is typed to let it go."""
        return self.identity.rpartition("/")[2] if self.identity.startswith("arn:") else self.identity

    @property
    def what(self) -> str:
        """For people."""
        return f"{self.holder.noun} {self.name}"

    @property
    def is_key(self) -> bool:
        """Whether others may be encrypted under it."""
        return self.holder.noun == "key"


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What there is at one moment."""

    environment: Assembled
    stacks: Mapping[str, Stack]
    needs: Mapping[str, set[str]]
    """Stack → stacks that it uses."""
    held: tuple[Held, ...]
    strays: tuple[Stray, ...]
    bills: Mapping[tuple[str, str], Bill]
    """Stack and logical id → what it bills, by the deployed template; what holds data is measured in place of that."""
    unseen: tuple[str, ...]
    """What could not be looked at."""

    @property
    def protected(self) -> bool:
        """Whether CloudFormation refuses to delete one of the stacks."""
        return self.environment.protected or any(each.protected for each in self.stacks.values())

    def resources(self, stack: str) -> list[tuple[Resource, Bill]]:
        """What a stack holds that bills, or may, without what holds data."""
        measured = {(each.stack, each.logical) for each in self.held}
        found = [(each, self.bills.get((stack, each.logical), Bill())) for each in self.stacks[stack].resources]
        return [(each, bill) for each, bill in found if bill.bills and (stack, each.logical) not in measured]


def survey(look: Look, environment: Assembled) -> Survey:
    """Look at everything, once it is certain that it is the right environment.

    Raises:
        ContractError: It is the wrong one, or something of it is shared.
    """
    check_place(look, environment)
    stacks = deployed(look, environment)
    check_stacks(environment, stacks)
    check_shared(look, environment, stacks)
    tariff = Tariff(prices=_prices(environment.region))
    held = (*_in_stacks(look, stacks, tariff), *_left(look, environment, stacks, tariff))
    place = (environment.account, environment.region)
    check_tags(look, environment, [each.holder.arn(each.identity, *place) for each in held])
    roles = frozenset(each.physical for stack in stacks.values() for each in stack.resources
                      if each.type == "AWS::IAM::Role")  # fmt: skip
    around = Around(
        look=look, stacks=stacks, tags=environment.tags, prefix=environment.prefix, tariff=tariff, roles=roles
    )
    known = {each.what for each in held}
    return Survey(
        environment=environment,
        stacks=stacks,
        needs=needs(stacks, environment),
        held=held,
        strays=tuple(each for each in everything(around) if each.what not in known),
        bills=_estimated(stacks, environment.region),
        unseen=tuple(sorted(look.unseen)),
    )


def _prices(region: str) -> Prices | None:
    try:
        return Prices.load(region)
    except ContractError:
        return None


def _in_stacks(look: Look, stacks: Mapping[str, Stack], tariff: Tariff) -> Iterator[Held]:
    for stack in stacks.values():
        for each in stack.resources:
            holder = Holder.registered.get(each.type)
            contents = holder.look(look, each.physical, tariff) if holder else None
            if holder and contents:
                yield Held(holder=holder, identity=each.physical, stack=stack.name, logical=each.logical,
                           retained=each.retained, contents=contents)  # fmt: skip


def _left(look: Look, environment: Assembled, stacks: Mapping[str, Stack], tariff: Tariff) -> Iterator[Held]:
    """What deleted stacks retained: by what CloudFormation remembers of them, and by the environment's tags."""
    mine = {(each.type, each.physical) for stack in stacks.values() for each in stack.resources}
    for kind, identity in dict.fromkeys([*_remembered(look, environment, stacks), *_tagged(look, environment)]):
        holder = Holder.registered[kind]
        if (kind, identity) in mine or _adopted(look, identity):
            continue
        contents = holder.look(look, identity, tariff)
        if contents:
            yield Held(holder=holder, identity=identity, stack=None, retained=True, contents=contents)


def _remembered(look: Look, environment: Assembled, stacks: Mapping[str, Stack]) -> Iterator[tuple[str, str]]:
    gone = look.all("cloudformation", "list_stacks", "StackSummaries", StackStatusFilter=[GONE])
    arns = [each["StackId"] for each in gone if each["StackName"] in environment.stacks]
    for arn in [*arns, *(each.arn for each in stacks.values())]:
        for event in look.all("cloudformation", "describe_stack_events", "StackEvents", StackName=arn):
            if event["ResourceStatus"] == _SKIPPED and event["ResourceType"] in Holder.registered:
                yield event["ResourceType"], event["PhysicalResourceId"]


def _tagged(look: Look, environment: Assembled) -> Iterator[tuple[str, str]]:
    if not environment.tags:
        return
    wanted = [{"Key": key, "Values": [value]} for key, value in environment.tags.items()]
    for each in look.all("resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", TagFilters=wanted):
        for kind, holder in Holder.registered.items():
            if identity := holder.identity(each["ResourceARN"]):
                yield kind, identity


def _adopted(look: Look, identity: str) -> bool:
    """Whether a stack has it: it was imported into another one since."""
    client = look.client("cloudformation")
    try:
        return bool(client.describe_stack_resources(PhysicalResourceId=identity)["StackResources"])
    except ClientError as error:
        if "does not exist" not in str(error):
            look.forgive(error, "cloudformation describe_stack_resources")
        return False


def _estimated(stacks: Mapping[str, Stack], region: str) -> dict[tuple[str, str], Bill]:
    """By the templates as they are deployed: they are what bills, whatever the assembly says by now."""
    found: dict[tuple[str, str], Bill] = {}
    with tempfile.TemporaryDirectory(prefix="trainyard-teardown-") as folder:
        for stack in stacks.values():
            file = Path(folder) / f"{stack.name}.json"
            file.write_text(json.dumps(stack.template))
            try:
                templates = read_templates(file, region=region, parameters=stack.parameters)
                (told, *_) = estimate(templates, Assumptions(given={})).stacks
            except ContractError:
                # No prices of that region: everything that may bill is unknown.
                found |= {(stack.name, each.logical): Bill(unknown=1) for each in stack.resources}
                continue
            found |= {(stack.name, each.logical_id): Bill.of(each.sum) for each in told.resources
                      if each.type not in _BY_THE_RUN}  # fmt: skip
    return found
