"""The model registry: groups of model packages, and their versions."""

import threading
import time
from collections.abc import Callable

from trainyard.local.api.errors import ServiceError, invalid, unsupported
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page, select
from trainyard.local.model_data import PACKAGE, Clients, Record, check_containers, role_of, validate
from trainyard.local.model_packages import GROUP, Packages, user

_SESSION = "SageMaker"
_STOP_SECONDS = 5.0
_UNSUPPORTED = (
    "SourceAlgorithmSpecification",
    "ValidationSpecification",
    "CertifyForMarketplace",
    "ManagedStorageType",
)
_MERGED = (
    "CustomerMetadataProperties",
    "CustomerMetadataPropertiesToRemove",
    "AdditionalInferenceSpecificationsToAdd",
)


class ModelRegistry:
    """Model package groups and model packages."""

    def __init__(self, context: Context, clients: Callable[[str], Clients] | None = None) -> None:
        """Composes the family.

        Args:
            context: what the families share.
            clients: gives, for a caller's ARN, the clients with that caller's rights; None: the platform's.
        """
        self._store = context.store
        self._documents = Packages(context)
        self._context = context
        self._clients = clients or self._callers_clients
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Validates the packages whose validation the end of the cloud cut off."""
        for package in self._store.list(PACKAGE):
            if package["ModelPackageStatus"] in ("Pending", "InProgress"):
                self._validate_soon(package)

    def stop(self) -> None:
        """Cuts validations off, to be made when the cloud is back."""
        self._closing.set()
        for thread in self._threads:
            thread.join(_STOP_SECONDS)

    @operation("CreateModelPackageGroup")
    def create_group(self, request: Request, caller: Caller) -> Answer:
        """Creates a group."""
        if "ManagedConfiguration" in request:
            raise unsupported("ManagedConfiguration", "", "Leave it out: packages lie where their ModelDataUrl says.")
        name = request["ModelPackageGroupName"]
        arn = self._context.arn(f"{GROUP}/{name}")
        document = {
            "ModelPackageGroupName": name,
            "ModelPackageGroupArn": arn,
            "ModelPackageGroupDescription": request.get("ModelPackageGroupDescription"),
            "CreationTime": time.time(),
            "CreatedBy": user(caller),
            "ModelPackageGroupStatus": "Completed",
            "LastVersion": 0,
            "Tags": request.get("Tags", []),
        }
        try:
            self._store.insert(GROUP, name, document)
        except ServiceError as error:
            raise invalid(f"Model Package Group already exists: {arn}") from error
        return {"ModelPackageGroupArn": arn}

    @operation("DescribeModelPackageGroup")
    def describe_group(self, request: Request, _: Caller) -> Answer:
        """A group."""
        return self._documents.group(request["ModelPackageGroupName"])

    @operation("ListModelPackageGroups")
    def list_groups(self, request: Request, _: Caller) -> Answer:
        """Groups, newest first unless the request says otherwise."""
        groups = [] if request.get("CrossAccountFilterOption") == "CrossAccount" else self._store.list(GROUP)
        chosen = select(groups, _newest_first(request), name="ModelPackageGroupName")
        return page(chosen, request, "ModelPackageGroupSummaryList", identity="ModelPackageGroupArn")

    @operation("DeleteModelPackageGroup")
    def delete_group(self, request: Request, _: Caller) -> Answer:
        """Deletes an empty group."""
        with self._lock:
            group = self._documents.group(request["ModelPackageGroupName"])
            name = group["ModelPackageGroupName"]
            held = len(self._documents.versions(name))
            if held:
                raise ServiceError(
                    "ConflictException",
                    f"ModelPackageGroupName: got {name!r}, but the group holds {held} model "
                    f"package{'s' if held > 1 else ''}. Delete {'them' if held > 1 else 'it'} first.",
                )
            self._store.delete(GROUP, name)
        return {}

    @operation("CreateModelPackage")
    def create_package(self, request: Request, caller: Caller) -> Answer:
        """Registers a model; whether its data can be read is found out afterwards and told by ModelPackageStatus."""
        for field in _UNSUPPORTED:
            if request.get(field):
                raise unsupported(field, request[field], "Give InferenceSpecification with containers.")
        check_containers(request)
        if ("ModelPackageGroupName" in request) == ("ModelPackageName" in request):
            raise invalid(
                "ModelPackageGroupName and ModelPackageName: one of them must be given: the group of a version, or the "
                "name of a package without versions."
            )
        with self._lock:
            package = self._documents.create(request, caller)
        if package["ModelPackageStatus"] == "Pending":
            self._validate_soon(package)
        return {"ModelPackageArn": package["ModelPackageArn"]}

    @operation("DescribeModelPackage")
    def describe_package(self, request: Request, _: Caller) -> Answer:
        """A model package."""
        package = self._documents.package(request["ModelPackageName"])
        if request.get("IncludedData") == "MetadataOnly":
            return {name: value for name, value in package.items() if name != "ModelCard"}
        return package

    @operation("ListModelPackages")
    def list_packages(self, request: Request, _: Caller) -> Answer:
        """The packages of a group, or those without a group; newest first unless the request says otherwise."""
        group = request.get("ModelPackageGroupName")
        if group is not None:
            found = self._documents.versions(self._documents.group(group)["ModelPackageGroupName"])
        else:
            kind = request.get("ModelPackageType", "Unversioned")
            versioned = {"Versioned": (True,), "Unversioned": (False,), "Both": (True, False)}[kind]
            found = [item for item in self._store.list(PACKAGE) if ("ModelPackageGroupName" in item) in versioned]
        approval = request.get("ModelApprovalStatus")
        wanted = [item for item in found if approval in (None, item.get("ModelApprovalStatus"))]
        # A version has no name: what is looked for in names is looked for in its group's.
        rows = [{"Name": item.get("ModelPackageGroupName", item.get("ModelPackageName"))} | item for item in wanted]
        chosen = select(rows, _newest_first(request), name="Name")
        return page(chosen, request, "ModelPackageSummaryList", identity="ModelPackageArn")

    @operation("UpdateModelPackage")
    def update_package(self, request: Request, caller: Caller) -> Answer:
        """Approves or rejects a package, or changes what is told of it."""
        check_containers(request)
        package = self._documents.package(request["ModelPackageArn"])
        if "ModelApprovalStatus" in request and "ModelPackageGroupName" not in package:
            raise invalid("ModelApprovalStatus: only packages of a group are approved; register this one in a group.")

        def change(document: Record) -> None:
            for field in set(request) - {"ModelPackageArn", "ClientToken", *_MERGED}:
                document[field] = request[field]
            kept, given = (of.get("CustomerMetadataProperties") or {} for of in (document, request))
            properties = kept | given
            for key in request.get("CustomerMetadataPropertiesToRemove", []):
                properties.pop(key, None)
            document["CustomerMetadataProperties"] = properties or None
            added = request.get("AdditionalInferenceSpecificationsToAdd", [])
            if added:
                document.setdefault("AdditionalInferenceSpecifications", []).extend(added)
            document.update(LastModifiedTime=time.time(), LastModifiedBy=user(caller))

        self._store.modify(PACKAGE, package["ModelPackageArn"], change)
        return {"ModelPackageArn": package["ModelPackageArn"]}

    @operation("DeleteModelPackage")
    def delete_package(self, request: Request, _: Caller) -> Answer:
        """Deletes a package; its version is not given again."""
        self._store.delete(PACKAGE, self._documents.package(request["ModelPackageName"])["ModelPackageArn"])
        return {}

    def _validate_soon(self, package: Record) -> None:
        arn, clients = package["ModelPackageArn"], self._clients
        arguments = self._store, arn, lambda: clients(package["CallerArn"]), self._closing
        thread = threading.Thread(target=validate, args=arguments, name=f"validate {arn}", daemon=True)
        self._threads = [item for item in self._threads if item.is_alive()] + [thread]
        thread.start()

    def _callers_clients(self, caller_arn: str) -> Clients:
        """Clients with the caller's rights, as SageMaker has them when it reads model data for a caller."""
        platform = self._context.platform
        role = role_of(caller_arn)
        if role is None or not platform.exists("role", role):
            # A user, or a role that only the caller may assume: here is nobody whose rights could be borrowed.
            return platform.client
        return lambda service: platform.role_client(service, role, _SESSION)


def _newest_first(request: Request) -> Request:
    return {"SortOrder": "Descending"} | request
