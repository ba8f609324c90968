"""The embedded AWS Budgets: what really ran here costs what the price table says, and budgets act on it.

Spend accrues from training and processing jobs, endpoints and clusters of this cloud (`spend.Spend`), by tags. Budgets
are evaluated every `Context.budget_seconds`; notifications go to SNS topics whose policy lets ``budgets.amazonaws.com``
publish; an action attaches its policy with a session of its execution role, and from then on IAM refuses what the
policy denies. To see it at work:

    aws budgets describe-budgets --account-id 123456789012                   # CalculatedSpend.ActualSpend
    aws budgets describe-notifications-for-budget … --budget-name NAME       # NotificationState: OK or ALARM
    aws budgets describe-budget-actions-for-budget … --budget-name NAME      # Status: STANDBY … EXECUTION_SUCCESS
    aws budgets execute-budget-action … --execution-type REVERSE_BUDGET_ACTION
    aws budgets execute-budget-action … --execution-type RESET_BUDGET_ACTION   # on duty again

To use a budget up in seconds, run what is dear (two hosts of ml.p4d.24xlarge cost 0.014 USD a second) or lower its
limit with `aws budgets update-budget`.
"""

from collections.abc import Callable

from trainyard.cost.prices import Prices
from trainyard.local.api.service import Context, Service
from trainyard.local.budgets.actions import Actions, RoleClient
from trainyard.local.budgets.budgets import Budgets
from trainyard.local.budgets.evaluation import Evaluation
from trainyard.local.budgets.notifications import Notifications
from trainyard.local.budgets.spend import Spend

__all__ = ["NAME", "PRINCIPAL", "TARGET_PREFIX", "Publish", "RoleClient", "build"]

NAME = "budgets"
"""Its name at botocore, its credential scope and its IAM namespace."""
TARGET_PREFIX = "AWSBudgetServiceGateway."
"""What X-Amz-Target begins with."""
PRINCIPAL = "budgets.amazonaws.com"
"""Whom execution roles and topics have to trust."""

Publish = Callable[[str, str, str], None]
"""Publishes to a topic: ARN, subject, message."""


def build(context: Context, sagemaker: Service, *, publish: Publish, role_client: RoleClient) -> Service:
    """Composes the service.

    Args:
        context: what the cloud's own services share.
        sagemaker: whose endpoints and clusters are metered.
        publish: publishes as the service, where the topic lets it.
        role_client: gives a client (service, role ARN) with a session that the service opened.
    """
    spend = Spend(context, sagemaker, Prices.load(context.region))
    budgets = Budgets(context)
    actions = Actions(context, budgets, publish, role_client)
    evaluation = Evaluation(context, budgets, actions, spend, publish)
    return Service(NAME, budgets, Notifications(context, budgets), actions, evaluation)
