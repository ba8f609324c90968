"""Documents of the model registry: how packages come to be, and how they are found."""

import hashlib
import json
import time
from typing import Any, Final

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Caller, Context, Request
from trainyard.local.model_data import PACKAGE, Record, locations

GROUP: Final = "model-package-group"


class Packages:
    """Groups and packages in the store."""

    def __init__(self, context: Context) -> None:
        self._store = context.store
        self._context = context

    def create(self, request: Request, caller: Caller) -> Record:
        """Stores the package of a valid CreateModelPackage request, or finds the one that its token made before."""
        token = request.get("ClientToken")
        digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        # The token lies in the package itself, so that no crash can part them.
        found = self._store.find("ClientToken", token) if token else None
        if found is not None and found[0] == PACKAGE:
            if found[2]["RequestDigest"] != digest:
                raise ServiceError(
                    "ConflictException",
                    f"ClientToken: got {token!r}, but it came with another request before. Use a new token.",
                )
            return found[2]
        package = self._document(request, caller) | {"RequestDigest": digest}
        self._store.insert(PACKAGE, package["ModelPackageArn"], package)
        return package

    def _document(self, request: Request, caller: Caller) -> Record:
        now = time.time()
        unchecked = request.get("SkipModelValidation") == "All" or not any(locations(request))
        package = request | {
            "CreationTime": now,
            "CreatedBy": user(caller),
            "CallerArn": caller.arn,
            "ModelPackageStatus": "Completed" if unchecked else "Pending",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "CertifyForMarketplace": False,
            "Tags": request.get("Tags", []),
        }
        if "ModelPackageGroupName" not in request:
            return package | self._unversioned(request)
        group = self.group(request["ModelPackageGroupName"])
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

    def group(self, name_or_arn: str) -> Record:
        """A group.

        Raises:
            ServiceError: there is none.
        """
        name = name_or_arn.rsplit("/", 1)[-1]
        found = self._store.get(GROUP, name)
        arn = self._context.arn(f"{GROUP}/{name}")
        if found is None or name_or_arn not in (name, arn):
            raise invalid(f"ModelPackageGroup {name_or_arn if found else arn} does not exist.")
        return found

    def package(self, name_or_arn: str) -> Record:
        """A package, by ARN, by name, or by GROUP/VERSION.

        Raises:
            ServiceError: there is none.
        """
        arn = name_or_arn if name_or_arn.startswith("arn:") else self._context.arn(f"{PACKAGE}/{name_or_arn}")
        found = self._store.get(PACKAGE, arn)
        if found is None:
            raise invalid(f"ModelPackage {arn} does not exist.")
        return found

    def versions(self, group: str) -> list[Record]:
        """The packages of a group, oldest first."""
        return self._store.list(PACKAGE, self._context.arn(f"{PACKAGE}/{group}/"))


def user(caller: Caller) -> dict[str, Any]:
    """CreatedBy and LastModifiedBy."""
    return {"IamIdentity": {"Arn": caller.arn}}


def _count(group: Record) -> None:
    group["LastVersion"] += 1
