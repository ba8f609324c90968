"""Budgets and their actions."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ministack.core.responses import get_account_id

from trainyard.local.cloudformation.aws import CallError
from trainyard.local.cloudformation.resource import ALL, Properties, Request
from trainyard.local.cloudformation.served_resource import ServedResource

SERVICE = "budgets"
_TAGS = {"Key": ALL, "Value": ALL}


class _Labelled(ServedResource):
    """What both types share: an account in every call, and tags in a property of their own name."""

    service_name = SERVICE
    tag_shape = None

    def ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Calls an operation on the account's budgets."""
        return self.call(operation, AccountId=get_account_id(), **parameters)

    def retag(self, arn: str, old: Properties, new: Properties) -> None:
        """Gives a resource the tags of its new properties."""
        before, after = ({row["Key"]: row.get("Value", "") for row in of.get("ResourceTags", [])} for of in (old, new))
        gone = sorted(before.keys() - after.keys())
        if gone:
            self.call("UntagResource", ResourceARN=arn, ResourceTagKeys=gone)
        changed = [{"Key": key, "Value": value} for key, value in after.items() if before.get(key) != value]
        if changed:
            self.call("TagResource", ResourceARN=arn, ResourceTags=changed)


class Budget(_Labelled):
    type = "AWS::Budgets::Budget"
    applied: ClassVar[Mapping[str, Any]] = {
        "Budget": {
            "BudgetLimit": {"Amount": ALL, "Unit": ALL},
            "BudgetName": ALL,
            "BudgetType": ALL,
            "CostFilters": {"TagKeyValue": ALL},
            "TimeUnit": ALL,
        },
        "NotificationsWithSubscribers": {
            "Notification": {"ComparisonOperator": ALL, "NotificationType": ALL, "Threshold": ALL,
                             "ThresholdType": ALL},
            "Subscribers": {"Address": ALL, "SubscriptionType": ALL},
        },
        "ResourceTags": _TAGS,
    }  # fmt: skip

    def make(self, request: Request) -> str:
        given = dict(request.properties)
        budget = given["Budget"]
        name = budget.get("BudgetName") or Request(
            logical_id=request.logical_id, stack=request.stack, properties={}
        ).name("BudgetName", limit=100)
        given["Budget"] = {**budget, "BudgetName": name}
        self.ask("CreateBudget", **given)
        return str(name)

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if not old:
            return
        if new["Budget"].get("BudgetName") != old["Budget"].get("BudgetName"):
            # The schema's create-only property lies within another, which the engine does not look into.
            raise CallError("Budget.BudgetName: it cannot change here. Give the resource another logical id too.",
                            "InvalidParameterException")  # fmt: skip
        if old["Budget"] != new["Budget"]:
            self.ask("UpdateBudget", NewBudget={**new["Budget"], "BudgetName": identity})
        self.retag(self.attributes(identity, new)["Arn"], old, new)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"Id": identity, "Arn": f"arn:aws:budgets::{get_account_id()}:budget/{identity}"}

    def remove(self, identity: str, properties: Properties) -> None:
        try:
            self.ask("DeleteBudget", BudgetName=identity)
        except CallError as error:
            if error.code != "NotFoundException":
                raise


class BudgetsAction(_Labelled):
    type = "AWS::Budgets::BudgetsAction"
    applied: ClassVar[Mapping[str, Any]] = {
        "ActionThreshold": {"Type": ALL, "Value": ALL},
        "ActionType": ALL,
        "ApprovalModel": ALL,
        "BudgetName": ALL,
        "Definition": {"IamActionDefinition": {"Groups": ALL, "PolicyArn": ALL, "Roles": ALL, "Users": ALL}},
        "ExecutionRoleArn": ALL,
        "NotificationType": ALL,
        "ResourceTags": _TAGS,
        "Subscribers": {"Address": ALL, "Type": ALL},
    }

    @staticmethod
    def _given(properties: Properties) -> dict[str, Any]:
        """The properties as the API has them: two of them have other names there."""
        threshold = properties["ActionThreshold"]
        return {
            "ApprovalModel": "AUTOMATIC",
            **{name: value for name, value in properties.items() if name not in ("ActionType", "ResourceTags")},
            "ActionThreshold": {"ActionThresholdType": threshold["Type"], "ActionThresholdValue": threshold["Value"]},
            "Subscribers": [
                {"SubscriptionType": row["Type"], "Address": row["Address"]} for row in properties["Subscribers"]
            ],
        }

    def make(self, request: Request) -> str:
        given = request.properties
        kind = {"ActionType": given["ActionType"], "ResourceTags": given.get("ResourceTags", [])}
        made = self.ask("CreateBudgetAction", **self._given(given), **kind)
        return f"{made['ActionId']}|{made['BudgetName']}"

    def apply(self, identity: str, old: Properties, new: Properties) -> None:
        if not old:
            return
        action, _, budget = identity.partition("|")
        before, after = self._given(old), self._given(new)
        if before != after:
            self.ask("UpdateBudgetAction", ActionId=action, **after)
        self.retag(f"arn:aws:budgets::{get_account_id()}:budget/{budget}/action/{action}", old, new)

    def attributes(self, identity: str, properties: Properties) -> dict[str, Any]:
        return {"ActionId": identity.partition("|")[0]}

    def remove(self, identity: str, properties: Properties) -> None:
        action, _, budget = identity.partition("|")
        try:
            self.ask("DeleteBudgetAction", ActionId=action, BudgetName=budget)
        except CallError as error:
            if error.code != "NotFoundException":
                raise


TYPES = (Budget, BudgetsAction)
