"""The model registry: groups of model packages, and their versions."""

import hashlib
import json
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from trainyard.local.api.errors import ServiceError, invalid, unsupported
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page, select
from trainyard.local.model_data import PACKAGE, Clients, Record, check_containers, locations, role_of, validate

GROUP: Final = "model-package-group"
_TOKEN: Final = "model-package-token"
_SESSION = "SageMaker"
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
        self._context = context
        self._clients = clients or self._callers_clients
        self._lock = threading.Lock()

    def start(self) -> None:
        """Validates the packages whose validation the end of the cloud cut off."""
        for package in self._store.list(PACKAGE):
            if package["ModelPackageStatus"] in ("Pending", "InProgress"):
                self._validate_soon(package)

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
            "CreatedBy": _user(caller),
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
        return self._group(request["ModelPackageGroupName"])

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
            group = self._group(request["ModelPackageGroupName"])
            name = group["ModelPackageGroupName"]
            held = len(self._packages(name))
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
            package = self._create(request, caller)
        if package["ModelPackageStatus"] == "Pending":
            self._validate_soon(package)
        return {"ModelPackageArn": package["ModelPackageArn"]}

    @operation("DescribeModelPackage")
    def describe_package(self, request: Request, _: Caller) -> Answer:
        """A model package."""
        package = self._package(request["ModelPackageName"])
        if request.get("IncludedData") == "MetadataOnly":
            return {name: value for name, value in package.items() if name != "ModelCard"}
        return package

    @operation("ListModelPackages")
    def list_packages(self, request: Request, _: Caller) -> Answer:
        """The packages of a group, or those without a group; newest first unless the request says otherwise."""
        group = request.get("ModelPackageGroupName")
        if group is not None:
            found = self._packages(self._group(group)["ModelPackageGroupName"])
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
        package = self._package(request["ModelPackageArn"])
        if "ModelApprovalStatus" in request and "ModelPackageGroupName" not in package:
            raise invalid("ModelApprovalStatus: only packages of a group are approved; register this one in a group.")

        def change(document: Record) -> None:
            for field in set(request) - {"ModelPackageArn", "ClientToken", *_MERGED}:
                document[field] = request[field]
            properties = document.get("CustomerMetadataProperties", {}) | request.get("CustomerMetadataProperties", {})
            for key in request.get("CustomerMetadataPropertiesToRemove", []):
                properties.pop(key, None)
            document["CustomerMetadataProperties"] = properties or None
            added = request.get("AdditionalInferenceSpecificationsToAdd", [])
            if added:
                document.setdefault("AdditionalInferenceSpecifications", []).extend(added)
            document.update(LastModifiedTime=time.time(), LastModifiedBy=_user(caller))

        self._store.modify(PACKAGE, package["ModelPackageArn"], change)
        return {"ModelPackageArn": package["ModelPackageArn"]}

    @operation("DeleteModelPackage")
    def delete_package(self, request: Request, _: Caller) -> Answer:
        """Deletes a package; its version is not given again."""
        self._store.delete(PACKAGE, self._package(request["ModelPackageName"])["ModelPackageArn"])
        return {}

    def _create(self, request: Request, caller: Caller) -> Record:
        token = request.get("ClientToken")
        digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        earlier = self._store.get(_TOKEN, token) if token else None
        if earlier:
            if earlier["Digest"] != digest:
                raise ServiceError(
                    "ConflictException",
                    f"ClientToken: got {token!r}, but it came with another request before. Use a new token.",
                )
            return self._package(earlier["Arn"])
        package = self._document(request, caller)
        self._store.insert(PACKAGE, package["ModelPackageArn"], package)
        if token:
            self._store.insert(_TOKEN, token, {"Arn": package["ModelPackageArn"], "Digest": digest})
        return package

    def _document(self, request: Request, caller: Caller) -> Record:
        now = time.time()
        unchecked = request.get("SkipModelValidation") == "All" or not any(locations(request))
        package = {field: value for field, value in request.items() if field != "ClientToken"} | {
            "CreationTime": now,
            "CreatedBy": _user(caller),
            "CallerArn": caller.arn,
            "ModelPackageStatus": "Completed" if unchecked else "Pending",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "CertifyForMarketplace": False,
            "Tags": request.get("Tags", []),
        }
        if "ModelPackageGroupName" not in request:
            return package | self._unversioned(request)
        group = self._group(request["ModelPackageGroupName"])
        name = group["ModelPackageGroupName"]
        # The group counts, not its packages: a version that was deleted never comes back.
        version = self._store.modify(GROUP, name, _count)["LastVersion"]
        return package | {
            "ModelPackageGroupName": name,
            "ModelPackageVersion": version,
            "ModelPackageArn": self._context.arn(f"{PACKAGE}/{name}/{version}"),
            "ModelApprovalStatus": request.get("ModelApprovalStatus", "PendingManualApproval"),
        }

    def _unversioned(self, request: Request) -> Record:
        if "ModelApprovalStatus" in request:
            raise invalid("ModelApprovalStatus: only packages of a group are approved. Give ModelPackageGroupName.")
        arn = self._context.arn(f"{PACKAGE}/{request['ModelPackageName']}")
        if self._store.get(PACKAGE, arn):
            raise invalid(f"Model package already exists: {arn}")
        return {"ModelPackageArn": arn}

    def _validate_soon(self, package: Record) -> None:
        arn, clients = package["ModelPackageArn"], self._clients
        arguments = self._store, arn, lambda: clients(package["CallerArn"])
        threading.Thread(target=validate, args=arguments, name=f"validate {arn}", daemon=True).start()

    def _group(self, name_or_arn: str) -> Record:
        name = name_or_arn.rsplit("/", 1)[-1]
        found = self._store.get(GROUP, name)
        arn = self._context.arn(f"{GROUP}/{name}")
        if found is None or name_or_arn not in (name, arn):
            raise invalid(f"ModelPackageGroup {name_or_arn if found else arn} does not exist.")
        return found

    def _package(self, name_or_arn: str) -> Record:
        arn = name_or_arn if name_or_arn.startswith("arn:") else self._context.arn(f"{PACKAGE}/{name_or_arn}")
        found = self._store.get(PACKAGE, arn)
        if found is None:
            raise invalid(f"ModelPackage {arn} does not exist.")
        return found

    def _packages(self, group: str) -> list[Record]:
        return self._store.list(PACKAGE, self._context.arn(f"{PACKAGE}/{group}/"))

    def _callers_clients(self, caller_arn: str) -> Clients:
        """Clients with the caller's rights, as SageMaker has them when it reads model data for a caller."""
        platform = self._context.platform
        role = role_of(caller_arn)
        if role is None or not platform.exists("role", role):
            # A user, or a role that only the caller may assume: here is nobody whose rights could be borrowed.
            return platform.client
        return lambda service: platform.role_client(service, role, _SESSION)


def _count(group: Record) -> None:
    group["LastVersion"] += 1


def _user(caller: Caller) -> dict[str, Any]:
    return {"IamIdentity": {"Arn": caller.arn}}


def _newest_first(request: Request) -> Request:
    return {"SortOrder": "Descending"} | request
