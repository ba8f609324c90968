"""Operations on pipelines: their definitions, not their executions."""

import time
from collections.abc import Mapping
from typing import Any

from trainyard.local.api.errors import ServiceError, invalid, unsupported
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page
from trainyard.local.pipelines.definition import parse
from trainyard.local.pipelines.records import DEFINITION, EXECUTION, PIPELINE, RUNNING, TOKEN, Record

_FIELDS = ("PipelineDisplayName", "PipelineDefinition", "PipelineDescription", "RoleArn", "ParallelismConfiguration")


class PipelineOperations:
    """Create, update, describe, list and delete pipelines."""

    context: Context

    @operation("CreatePipeline")
    def create_pipeline(self, request: Request, caller: Caller) -> Answer:
        """Stores a pipeline whose definition passes every check."""
        self._check(request)
        if "PipelineDefinition" not in request:
            raise invalid("PipelineDefinition: it is missing, but a pipeline cannot be without one. Give it as JSON.")
        name, now = request["PipelineName"], time.time()
        arn = self.context.arn(f"pipeline/{name}")
        document = {
            "PipelineArn": arn,
            "PipelineName": name,
            "PipelineDisplayName": request.get("PipelineDisplayName", name),
            **{field: request[field] for field in _FIELDS if field in request},
            "PipelineStatus": "Active",
            "CreationTime": now,
            "LastModifiedTime": now,
            "CreatedBy": user(caller),
            "LastModifiedBy": user(caller),
            "ClientRequestToken": request["ClientRequestToken"],
            "Tags": request.get("Tags", []),
        }
        try:
            self.context.store.insert(PIPELINE, name, document)
        except ServiceError as error:
            existing = self.context.store.get(PIPELINE, name) or {}
            if existing.get("ClientRequestToken") != request["ClientRequestToken"]:
                # AWS's own words: the SDK's upsert looks for "already exists".
                raise invalid(
                    "Pipeline names must be unique within an AWS account and region. "
                    f"Pipeline with name ({name}) already exists."
                ) from error
        return {"PipelineArn": arn}

    @operation("UpdatePipeline")
    def update_pipeline(self, request: Request, caller: Caller) -> Answer:
        """Changes a pipeline; executions that have started keep the definition they started with."""
        document = pipeline_of(self.context, request["PipelineName"])
        self._check(request)
        changes = {field: request[field] for field in _FIELDS if field in request}
        self.context.store.update(
            PIPELINE,
            document["PipelineName"],
            **changes,
            LastModifiedTime=time.time(),
            LastModifiedBy=user(caller),
        )
        return {"PipelineArn": document["PipelineArn"]}

    @operation("DescribePipeline")
    def describe_pipeline(self, request: Request, _: Caller) -> Answer:
        """A pipeline with its definition."""
        refuse_version(request)
        return pipeline_of(self.context, request["PipelineName"])

    @operation("ListPipelines")
    def list_pipelines(self, request: Request, _: Caller) -> Answer:
        """Pipelines, newest first unless the request says otherwise."""
        prefix = request.get("PipelineNamePrefix", "")
        chosen = [item for item in self.context.store.list(PIPELINE, prefix) if created_within(item, request)]
        key = "PipelineName" if request.get("SortBy") == "Name" else "CreationTime"
        ordered = ordered_by(chosen, key, request)
        summaries = [item | {"LastExecutionTime": item.get("LastRunTime")} for item in ordered]
        return page(summaries, request, "PipelineSummaries", identity="PipelineArn")

    @operation("DeletePipeline")
    def delete_pipeline(self, request: Request, _: Caller) -> Answer:
        """Deletes a pipeline and its executions, none of which may be running (as AWS's reference says)."""
        store = self.context.store
        document = pipeline_of(self.context, request["PipelineName"])
        prefix = f"{document['PipelineArn']}/execution/"
        executions = store.list(EXECUTION, prefix)
        running = [item["PipelineExecutionArn"] for item in executions if item["PipelineExecutionStatus"] in RUNNING]
        if running:
            raise ServiceError(
                "ConflictException",
                f"Pipeline {document['PipelineName']} has running executions: {', '.join(running)}. Stop them first.",
            )
        for item in executions:
            store.delete(EXECUTION, item["PipelineExecutionArn"])
            store.delete(DEFINITION, item["PipelineExecutionArn"])
        for token in store.list(TOKEN, f"{document['PipelineArn']}#"):
            store.delete(TOKEN, token["Key"])
        store.delete(PIPELINE, document["PipelineName"])
        return {"PipelineArn": document["PipelineArn"]}

    def _check(self, request: Request) -> None:
        if "PipelineDefinitionS3Location" in request:
            raise unsupported(
                "PipelineDefinitionS3Location", request["PipelineDefinitionS3Location"], "Give PipelineDefinition."
            )
        if "PipelineDefinition" in request:
            parse(request["PipelineDefinition"])
        if "RoleArn" in request and not self.context.platform.exists("role", request["RoleArn"]):
            raise invalid(
                f"RoleArn: got {request['RoleArn']!r}, but there is no such role that sagemaker.amazonaws.com may "
                "assume. Create it, or add the service to its trust policy."
            )


def pipeline_of(context: Context, name_or_arn: str) -> Record:
    """A pipeline's document.

    Raises:
        ServiceError: ResourceNotFound.
    """
    name = name_or_arn.rsplit("/", 1)[-1]
    found = context.store.get(PIPELINE, name)
    arn = context.arn(f"pipeline/{name}")
    if found is None or name_or_arn not in (name, arn):
        raise ServiceError("ResourceNotFound", f"Pipeline {name_or_arn if found else arn!r} does not exist.")
    return found


def user(caller: Caller) -> dict[str, Any]:
    """CreatedBy and LastModifiedBy."""
    return {"IamIdentity": {"Arn": caller.arn}}


def created_within(item: Mapping[str, Any], request: Request) -> bool:
    """Whether an item was created between CreatedAfter and CreatedBefore."""
    return bool(request.get("CreatedAfter", 0) <= item["CreationTime"] <= request.get("CreatedBefore", float("inf")))


def ordered_by(items: list[Record], key: str, request: Request) -> list[Record]:
    """Items by a field; Descending unless SortOrder says otherwise, as AWS lists pipelines, executions and steps."""
    return sorted(items, key=lambda item: item[key], reverse=request.get("SortOrder") != "Ascending")


def refuse_version(request: Request) -> None:
    """Refuses what asks for an older version of a pipeline."""
    if "PipelineVersionId" in request:
        raise unsupported("PipelineVersionId", request["PipelineVersionId"], "Leave it out: the latest is taken.")
