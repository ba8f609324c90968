"""A job on dear instances burns the budget: everybody who starts what costs is denied it until somebody decides."""

from __future__ import annotations

import copy
import uuid
from typing import Any, ClassVar

from ml_contract.symptoms import SPEND, Symptom
from trainyard.incidents import runs
from trainyard.incidents.incident import Incident
from trainyard.incidents.pipeline_steps import training_step
from trainyard.incidents.runs import WORKLOAD, Run
from trainyard.incidents.scene import IncidentFailed, Scene, require
from trainyard.local.cloud import ACCOUNT

_DEAR = "ml.p4d.24xlarge"
_HOSTS = 4
_ALLOWED_USD = 0.05
"""What may be spent on top of what was spent before: the budget is lowered to it while the play lasts."""
_DENIED = "AccessDenied"
_DONE = ("EXECUTION_SUCCESS",)
_ON_DUTY = ("STANDBY",)


class RunawayCost(Incident):
    name: ClassVar[str] = "runaway-cost"
    summary: ClassVar[str] = "a job on dear instances uses the environment's budget up"
    symptoms: ClassVar[tuple[Symptom, ...]] = ()
    notices: ClassVar[tuple[Symptom, ...]] = (SPEND,)
    stacks: ClassVar[tuple[str, ...]] = ("storage", f"training-{WORKLOAD}", "budgets")
    variables: ClassVar[tuple[str, ...]] = ("PIPELINE", "EXECUTION", "JOB", "BUDGET", "ACTION", "LIMIT")
    quiet_seconds: ClassVar[float] = 0.0
    skipped: ClassVar[str] = (
        f"the limit is {_ALLOWED_USD:.2f} USD above what was spent before; AWS would take hours to notice, not seconds"
    )
    run: Run

    def prepare(self, scene: Scene) -> None:
        self._client = scene.client("budgets")
        budget = self._budget()
        self._name = str(budget["BudgetName"])
        (action,) = self._client.describe_budget_actions_for_budget(AccountId=ACCOUNT, BudgetName=self._name)["Actions"]
        require(action["Status"] in _ON_DUTY, f"{self._name}: its action is {action['Status']} before it begins")
        limit = str(budget["BudgetLimit"]["Amount"])
        scene.variables |= {"BUDGET": self._name, "ACTION": action["ActionId"], "LIMIT": limit}
        spent = float(budget["CalculatedSpend"]["ActualSpend"]["Amount"])
        scene.afterwards(lambda: self._on_duty(scene))
        scene.afterwards(lambda: self._limit(budget, limit))
        self._limit(budget, f"{spent + _ALLOWED_USD:.2f}")

    def provoke(self, scene: Scene) -> None:
        scene.variables["JOB"] = self._burn(scene)
        scene.wait(lambda: self._status(scene) in _DONE, 180.0, "the budget's action")
        self.run = runs.start(scene, steps=1)
        refused = self.run.ended()
        said = " ".join(step.reason for step in refused.steps)
        require("not authorized" in said or _DENIED in said, f"{refused.arn}: {refused.status}: {said}")

    def check(self, scene: Scene) -> list[str]:
        sagemaker = scene.client("sagemaker")
        job = scene.variables["JOB"]

        def stopped() -> bool:
            return bool(sagemaker.describe_training_job(TrainingJobName=job)["TrainingJobStatus"] == "Stopped")

        scene.wait(stopped, 120.0, "the job to be stopped")
        status = self._status(scene)
        require(status in _ON_DUTY, f"{self._name}: its action is {status}")

        def prepared() -> str | None:
            step = self.run.describe().step("Prepare")
            return step.status if step and step.status in ("Succeeded", "Failed") else None

        status = scene.wait(prepared, 180.0, "the first job of the execution that was refused")
        require(status == "Succeeded", f"{self.run.arn}: its first job has {status.lower()}")
        return [f"{job} is stopped", "the action is on duty again", "what was refused has begun"]

    def _budget(self) -> dict[str, Any]:
        """The environment's budget.

        Raises:
            IncidentFailed: There is none with an action.
        """
        name = SPEND.alarm(self.environment, self.subject)
        for budget in self._client.describe_budgets(AccountId=ACCOUNT)["Budgets"]:
            if (
                budget["BudgetName"].startswith(f"{name}-")
                and self._client.describe_budget_actions_for_budget(AccountId=ACCOUNT, BudgetName=budget["BudgetName"])[
                    "Actions"
                ]
            ):
                return dict(budget)
        raise IncidentFailed(f"{name}: there is no such budget with an action. Deploy the environment anew")

    def _limit(self, budget: dict[str, Any], amount: str) -> None:
        kept = ("BudgetName", "BudgetType", "TimeUnit", "TimePeriod", "CostFilters")
        new = {name: copy.deepcopy(budget[name]) for name in kept if name in budget}
        new["BudgetLimit"] = {"Amount": amount, "Unit": "USD"}
        self._client.update_budget(AccountId=ACCOUNT, NewBudget=new)

    def _status(self, scene: Scene) -> str:
        found = self._client.describe_budget_action(
            AccountId=ACCOUNT, BudgetName=self._name, ActionId=scene.variables["ACTION"]
        )
        return str(found["Action"]["Status"])

    def _on_duty(self, scene: Scene) -> None:
        """Nothing denied, and the action on duty, whatever was done before."""
        for kind, statuses in (("REVERSE_BUDGET_ACTION", _DONE), ("RESET_BUDGET_ACTION", ("REVERSE_SUCCESS",))):
            if self._status(scene) in statuses:
                self._client.execute_budget_action(
                    AccountId=ACCOUNT, BudgetName=self._name, ActionId=scene.variables["ACTION"], ExecutionType=kind
                )

    def _burn(self, scene: Scene) -> str:
        """Starts what nobody meant to start: the pipeline's own job, by hand, on dear instances, and idle."""
        step = training_step(scene, scene.stack(WORKLOAD))["Arguments"]
        sagemaker = scene.client("sagemaker")
        name = f"incident-{uuid.uuid4().hex[:8]}"
        algorithm = {
            "TrainingImage": step["AlgorithmSpecification"]["TrainingImage"],
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["bash", "-c", "trap exit TERM; sleep 600 & wait"],
        }
        tags = [{"Key": "environment", "Value": scene.environment}, {"Key": "application", "Value": "trainyard"}]
        bucket = scene.output("storage", "ArtifactBucketName")
        sagemaker.create_training_job(
            TrainingJobName=name,
            RoleArn=step["RoleArn"],
            AlgorithmSpecification=algorithm,
            OutputDataConfig={"S3OutputPath": f"s3://{bucket}/runs/{WORKLOAD}/{name}"},
            ResourceConfig={"InstanceType": _DEAR, "InstanceCount": _HOSTS, "VolumeSizeInGB": 30},
            StoppingCondition={"MaxRuntimeInSeconds": 3600},
            Tags=tags,
        )

        def stop() -> None:
            if sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress":
                sagemaker.stop_training_job(TrainingJobName=name)

        scene.afterwards(stop)
        return name
