"""Operations on executions of pipelines."""

import hashlib
import json
import threading
import time
from typing import Any

from trainyard.local.api.errors import ServiceError, invalid, unsupported
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page
from trainyard.local.pipelines import records
from trainyard.local.pipelines.definition import parse
from trainyard.local.pipelines.definitions import created_within, ordered_by, pipeline_of, refuse_version, user
from trainyard.local.pipelines.expressions import evaluate
from trainyard.local.pipelines.parameters import bind
from trainyard.local.pipelines.records import DEFINITION, EXECUTION, PIPELINE, RUNNING, TOKEN, Record, execution_of
from trainyard.local.pipelines.runner import Runner
from trainyard.local.pipelines.scope import ExecutionScope


class ExecutionOperations:
    """Start, stop, retry and look at executions."""

    context: Context
    runner: Runner
    starting: threading.Lock

    @operation("StartPipelineExecution")
    def start_execution(self, request: Request, caller: Caller) -> Answer:
        """Starts an execution of the definition as it is now."""
        refuse_version(request)
        for field in ("SelectiveExecutionConfig", "MlflowExperimentName"):
            if field in request:
                raise unsupported(field, request[field], "Leave it out: every step runs, without experiments.")
        pipeline = pipeline_of(self.context, request["PipelineName"])
        definition = parse(pipeline["PipelineDefinition"])
        given = request.get("PipelineParameters", [])
        document = self._new(pipeline, request, caller) | {"Parameters": bind(definition.parameters, given)}
        if definition.experiment:
            document["PipelineExperimentConfig"] = evaluate(definition.experiment, ExecutionScope(document))
        with self.starting:
            return {"PipelineExecutionArn": self._begin(pipeline, document, request)}

    def _begin(self, pipeline: Record, document: Record, request: Request) -> str:
        store, arn = self.context.store, str(document["PipelineExecutionArn"])
        earlier = self._claim("start", pipeline["PipelineArn"], request, arn)
        if earlier and store.get(EXECUTION, earlier):
            return earlier
        if earlier:
            # The cloud went down between the token and the execution: the client asks again, with the same token.
            store.delete(TOKEN, _token("start", pipeline["PipelineArn"], request))
            self._claim("start", pipeline["PipelineArn"], request, arn)
        stored = {"PipelineDefinition": pipeline["PipelineDefinition"], "CreationTime": pipeline["LastModifiedTime"]}
        store.insert(DEFINITION, arn, stored)
        store.insert(EXECUTION, arn, document)
        store.update(PIPELINE, pipeline["PipelineName"], LastRunTime=document["CreationTime"])
        self.runner.run(arn)
        return arn

    @operation("StopPipelineExecution")
    def stop_execution(self, request: Request, caller: Caller) -> Answer:
        """Asks an execution to stop: its jobs are stopped, no further step starts."""
        arn = request["PipelineExecutionArn"]
        execution_of(self.context.store, arn)
        if self._claim("stop", arn, request, arn):
            return {"PipelineExecutionArn": arn}

        def change(document: Record) -> None:
            status = document["PipelineExecutionStatus"]
            if status not in RUNNING:
                raise invalid(f"Pipeline execution with ARN {arn} cannot be stopped: its status is {status}.")
            document.update(PipelineExecutionStatus="Stopping", **_modified(caller))

        self._change(arn, "stop", request, change)
        self.runner.wake(arn)
        return {"PipelineExecutionArn": arn}

    @operation("RetryPipelineExecution")
    def retry_execution(self, request: Request, caller: Caller) -> Answer:
        """Runs an execution again from the steps that have not succeeded, with its own definition and parameters."""
        arn = request["PipelineExecutionArn"]
        execution_of(self.context.store, arn)
        if self._claim("retry", arn, request, arn):
            return {"PipelineExecutionArn": arn}

        def change(document: Record) -> None:
            status = document["PipelineExecutionStatus"]
            if status not in ("Failed", "Stopped"):
                raise invalid(f"Pipeline execution with ARN {arn} cannot be retried: its status is {status}.")
            document["Steps"] = records.by_status(document["Steps"], "Succeeded")
            document.pop("FailureReason", None)
            document.update(PipelineExecutionStatus="Executing", **_modified(caller))
            if "ParallelismConfiguration" in request:
                document["ParallelismConfiguration"] = request["ParallelismConfiguration"]

        self._change(arn, "retry", request, change)
        self.runner.run(arn)
        return {"PipelineExecutionArn": arn}

    @operation("UpdatePipelineExecution")
    def update_execution(self, request: Request, caller: Caller) -> Answer:
        """Changes the name, the description or the parallelism of an execution."""
        arn = request["PipelineExecutionArn"]
        execution_of(self.context.store, arn)
        fields = ("PipelineExecutionDisplayName", "PipelineExecutionDescription", "ParallelismConfiguration")
        changes = {field: request[field] for field in fields if field in request}
        self.context.store.update(EXECUTION, arn, **changes, **_modified(caller))
        return {"PipelineExecutionArn": arn}

    @operation("DescribePipelineExecution")
    def describe_execution(self, request: Request, _: Caller) -> Answer:
        """An execution."""
        return execution_of(self.context.store, request["PipelineExecutionArn"])

    @operation("DescribePipelineDefinitionForExecution")
    def describe_definition(self, request: Request, _: Caller) -> Answer:
        """The definition that an execution started with."""
        execution_of(self.context.store, request["PipelineExecutionArn"])
        return self.context.store.get(DEFINITION, request["PipelineExecutionArn"]) or {}

    @operation("ListPipelineExecutions")
    def list_executions(self, request: Request, _: Caller) -> Answer:
        """Executions of a pipeline, newest first unless the request says otherwise."""
        pipeline = pipeline_of(self.context, request["PipelineName"])
        found = self.context.store.list(EXECUTION, f"{pipeline['PipelineArn']}/execution/")
        key = "PipelineExecutionArn" if request.get("SortBy") == "PipelineExecutionArn" else "CreationTime"
        ordered = ordered_by([item for item in found if created_within(item, request)], key, request)
        summaries = [
            item | {"StartTime": item["CreationTime"], "PipelineExecutionFailureReason": item.get("FailureReason")}
            for item in ordered
        ]
        return page(summaries, request, "PipelineExecutionSummaries", identity="PipelineExecutionArn")

    @operation("ListPipelineExecutionSteps")
    def list_steps(self, request: Request, _: Caller) -> Answer:
        """The steps of an execution that have started, newest first unless the request says otherwise."""
        if "PipelineExecutionArn" not in request:
            raise invalid("PipelineExecutionArn: it is missing. Give the ARN that StartPipelineExecution returned.")
        document = execution_of(self.context.store, request["PipelineExecutionArn"])
        ordered = ordered_by(list(document["Steps"].values()), "StartTime", request)
        return page(ordered, request, "PipelineExecutionSteps", identity="StepName")

    @operation("ListPipelineParametersForExecution")
    def list_parameters(self, request: Request, _: Caller) -> Answer:
        """The parameters that an execution was given; defaults are in its definition."""
        document = execution_of(self.context.store, request["PipelineExecutionArn"])
        return page(document["PipelineParameters"], request, "PipelineParameters", identity="Name")

    def _new(self, pipeline: Record, request: Request, caller: Caller) -> Record:
        now, identifier = time.time(), records.execution_id()
        document = {
            "PipelineArn": pipeline["PipelineArn"],
            "PipelineName": pipeline["PipelineName"],
            "PipelineExecutionArn": f"{pipeline['PipelineArn']}/execution/{identifier}",
            "PipelineExecutionId": identifier,
            "PipelineExecutionDisplayName": request.get("PipelineExecutionDisplayName", f"execution-{now * 1000:.0f}"),
            "PipelineExecutionDescription": request.get("PipelineExecutionDescription"),
            "PipelineExecutionStatus": "Executing",
            "ParallelismConfiguration": request.get("ParallelismConfiguration")
            or pipeline.get("ParallelismConfiguration"),
            "PipelineParameters": request.get("PipelineParameters", []),
            "RoleArn": pipeline["RoleArn"],
            "CreationTime": now,
            "CreatedBy": user(caller),
            "Steps": {},
            **_modified(caller),
        }
        return {field: value for field, value in document.items() if value is not None}

    def _claim(self, action: str, scope: str, request: Request, arn: str) -> str | None:
        """Takes an idempotency token for the execution `arn`, or returns the execution that it already stands for.

        Raises:
            ServiceError: ConflictException, when the token came with another request before.
        """
        key, asked = _token(action, scope, request), {name: request[name] for name in request if name != _TOKEN_FIELD}
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        try:
            self.context.store.insert(TOKEN, key, {"Key": key, "Arn": arn, "Digest": digest})
        except ServiceError:
            earlier = self.context.store.get(TOKEN, key) or {}
            if earlier.get("Digest") != digest:
                raise ServiceError(
                    "ConflictException",
                    f"{_TOKEN_FIELD}: got {request[_TOKEN_FIELD]!r}, but it came with another request before. "
                    "Use a new token for a new request.",
                ) from None
            return str(earlier["Arn"])
        return None

    def _change(self, arn: str, action: str, request: Request, change: Any) -> None:
        try:
            self.context.store.modify(EXECUTION, arn, change)
        except ServiceError:
            # What was refused has not happened, so its token is free.
            self.context.store.delete(TOKEN, _token(action, arn, request))
            raise


_TOKEN_FIELD = "ClientRequestToken"


def _token(action: str, scope: str, request: Request) -> str:
    return f"{scope}#{action}#{request[_TOKEN_FIELD]}"


def _modified(caller: Caller) -> dict[str, Any]:
    return {"LastModifiedTime": time.time(), "LastModifiedBy": user(caller)}
