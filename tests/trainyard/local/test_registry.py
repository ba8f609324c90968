"""The model registry: versions, approval, validation of model data. No cloud at all."""

import time
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Caller, Context, Service
from trainyard.local.api.store import Store
from trainyard.local.pipelines.kinds import service_model
from trainyard.local.registry import ModelRegistry

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package"
USER = "arn:aws:iam::123456789012:user/tester"
THERE = "s3://artifacts/model.tar.gz"


def containers(url=THERE, **fields):
    return {"Containers": [{"Image": "triton", "ModelDataUrl": url, **fields}]}


class Registry:
    """Calls the family as a client does; S3 holds one object."""

    def __init__(self, folder):
        self.store = Store(folder / "documents.sqlite")
        context = Context(
            store=self.store,
            platform=SimpleNamespace(),
            state=folder,
            account="123456789012",
            region="us-east-1",
            faults=SimpleNamespace(),
        )
        self.callers = []
        self.family = ModelRegistry(context, self._clients)
        self.service = Service(service_model(), self.family)

    def call(self, operation, **request):
        return self.service.call(operation, request, Caller(account="123456789012", region="us-east-1", arn=USER))

    def register(self, group="models", specification=None, **fields):
        return self.call(
            "CreateModelPackage",
            ModelPackageGroupName=group,
            InferenceSpecification=specification or containers(),
            **fields,
        )["ModelPackageArn"]

    def settled(self, arn):
        for _ in range(6000):
            package = self.call("DescribeModelPackage", ModelPackageName=arn)
            if package["ModelPackageStatus"] not in ("Pending", "InProgress"):
                return package
            time.sleep(0.01)
        raise AssertionError("the validation did not end within 60 s")

    def _clients(self, caller):
        self.callers.append(caller)
        return lambda service: SimpleNamespace(head_object=_head, list_objects_v2=_list)


def _head(Bucket, Key):
    if f"s3://{Bucket}/{Key}" != THERE:
        raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")


def _list(Bucket, Prefix, MaxKeys):
    return {"KeyCount": int(THERE.startswith(f"s3://{Bucket}/{Prefix}"))}


@pytest.fixture
def registry(tmp_path):
    made = Registry(tmp_path)
    made.call("CreateModelPackageGroup", ModelPackageGroupName="models", ModelPackageGroupDescription="all of them")
    yield made
    made.family.stop()
    made.store.close()


def test_a_group_is_described_and_listed(registry):
    group = registry.call("DescribeModelPackageGroup", ModelPackageGroupName="models")
    assert group["ModelPackageGroupArn"] == "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/models"
    assert group["ModelPackageGroupStatus"] == "Completed"
    assert group == registry.call("DescribeModelPackageGroup", ModelPackageGroupName=group["ModelPackageGroupArn"])
    listed = registry.call("ListModelPackageGroups")["ModelPackageGroupSummaryList"]
    assert [item["ModelPackageGroupName"] for item in listed] == ["models"]
    with pytest.raises(ServiceError, match="already exists"):
        registry.call("CreateModelPackageGroup", ModelPackageGroupName="models")


def test_a_version_is_described_by_arn_and_by_name(registry):
    arn = registry.register(CustomerMetadataProperties={"bits": "4.2"})
    assert arn == f"{ARN}/models/1"
    package = registry.settled(arn)
    assert package["ModelPackageStatus"] == "Completed"
    assert package["ModelPackageStatusDetails"] == {"ValidationStatuses": [], "ImageScanStatuses": []}
    assert "ModelPackageName" not in package, "AWS gives versions none"
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["ModelPackageVersion"] == 1
    assert package["CustomerMetadataProperties"] == {"bits": "4.2"}
    assert registry.call("DescribeModelPackage", ModelPackageName="models/1") == package
    assert registry.callers == [USER], "the data is looked at with the caller's rights"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.just("register"), st.integers(0, 5)), max_size=12))
def test_versions_rise_and_never_come_back(registry, actions):
    def number(arn):
        return int(arn.rsplit("/", 1)[-1])

    last, alive = number(registry.register()), []
    for action in actions:
        if action == "register":
            alive.append(registry.register(SkipModelValidation="All"))
            assert number(alive[-1]) == last + 1
            last += 1
        elif alive:
            registry.call("DeleteModelPackage", ModelPackageName=alive.pop(action % len(alive)))


@pytest.mark.parametrize(
    ("specification", "status"),
    [
        (containers(), "Completed"),
        (containers("s3://artifacts/missing"), "Failed"),
        (containers("https://artifacts.s3.amazonaws.com/model.tar.gz"), "Failed"),
        ({"Containers": [{"Image": "triton"}]}, "Completed"),
        (
            {
                "Containers": [
                    {
                        "Image": "triton",
                        "ModelDataSource": {
                            "S3DataSource": {
                                "S3Uri": "s3://artifacts/mod",
                                "S3DataType": "S3Prefix",
                                "CompressionType": "None",
                            }
                        },
                    }
                ]
            },
            "Completed",
        ),
    ],
)
def test_the_status_says_whether_the_data_is_there(registry, specification, status):
    package = registry.settled(registry.register(specification=specification))
    assert package["ModelPackageStatus"] == status
    if status == "Failed":
        (told,) = package["ModelPackageStatusDetails"]["ValidationStatuses"]
        assert told["FailureReason"].startswith(
            "InferenceSpecification.Containers[0].ModelDataUrl: Cannot find S3 object: "
        )


def test_validation_can_be_skipped(registry):
    arn = registry.register(specification=containers("s3://artifacts/missing"), SkipModelValidation="All")
    assert registry.call("DescribeModelPackage", ModelPackageName=arn)["ModelPackageStatus"] == "Completed"
    assert registry.callers == []


def test_a_validation_that_was_cut_off_is_made_after_a_restart(registry):
    arn = registry.register()
    registry.settled(arn)
    registry.store.update("model-package", arn, ModelPackageStatus="InProgress")
    registry.service.start()
    assert registry.settled(arn)["ModelPackageStatus"] == "Completed"


def test_the_same_token_is_the_same_version(registry):
    first = registry.register(ClientToken="token")
    assert registry.register(ClientToken="token") == first
    with pytest.raises(ServiceError, match="Use a new token") as error:
        registry.register(ClientToken="token", ModelPackageDescription="another")
    assert error.value.code == "ConflictException"


def test_a_version_is_approved_and_its_properties_change(registry):
    arn = registry.register(CustomerMetadataProperties={"a": "1", "b": "2"})
    registry.call(
        "UpdateModelPackage",
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="good",
        CustomerMetadataProperties={"b": "3"},
        CustomerMetadataPropertiesToRemove=["a"],
    )
    package = registry.settled(arn)
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["ApprovalDescription"] == "good"
    assert package["CustomerMetadataProperties"] == {"b": "3"}
    assert package["LastModifiedBy"]["IamIdentity"]["Arn"] == USER
    listed = registry.call("ListModelPackages", ModelPackageGroupName="models", ModelApprovalStatus="Approved")
    assert [item["ModelPackageVersion"] for item in listed["ModelPackageSummaryList"]] == [1]
    rejected = registry.call("ListModelPackages", ModelPackageGroupName="models", ModelApprovalStatus="Rejected")
    assert rejected["ModelPackageSummaryList"] == []


def test_a_version_without_properties_changes_again_and_again(registry):
    arn = registry.register()
    for status in ("Approved", "Rejected", "Approved"):
        registry.call("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus=status)
    assert registry.settled(arn)["ModelApprovalStatus"] == "Approved"


def test_versions_are_listed_newest_first(registry):
    for _ in range(3):
        registry.register(SkipModelValidation="All")
    listed = registry.call("ListModelPackages", ModelPackageGroupName="models")["ModelPackageSummaryList"]
    assert [item["ModelPackageVersion"] for item in listed] == [3, 2, 1]


def test_groups_do_not_mix(registry):
    registry.call("CreateModelPackageGroup", ModelPackageGroupName="models-2")
    registry.register("models-2", SkipModelValidation="All")
    assert registry.call("ListModelPackages", ModelPackageGroupName="models")["ModelPackageSummaryList"] == []


def test_a_package_without_a_group_has_a_name(registry):
    arn = registry.call("CreateModelPackage", ModelPackageName="alone", InferenceSpecification=containers())
    assert arn == {"ModelPackageArn": f"{ARN}/alone"}
    registry.register(SkipModelValidation="All")
    listed = registry.call("ListModelPackages")["ModelPackageSummaryList"]
    assert [item["ModelPackageName"] for item in listed] == ["alone"]


def test_a_group_that_holds_packages_is_not_deleted(registry):
    arn = registry.register()
    with pytest.raises(ServiceError, match="holds 1 model package") as error:
        registry.call("DeleteModelPackageGroup", ModelPackageGroupName="models")
    assert error.value.code == "ConflictException"
    registry.call("DeleteModelPackage", ModelPackageName=arn)
    registry.call("DeleteModelPackageGroup", ModelPackageGroupName="models")
    with pytest.raises(ServiceError, match="does not exist"):
        registry.call("DescribeModelPackageGroup", ModelPackageGroupName="models")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"InferenceSpecification": containers()}, "one of them must be given"),
        (
            {"ModelPackageGroupName": "none", "InferenceSpecification": containers()},
            "model-package-group/none does not",
        ),
        (
            {"ModelPackageGroupName": "models", "InferenceSpecification": {"Containers": []}},
            "length greater than or equal",
        ),
        ({"ModelPackageGroupName": "models", "InferenceSpecification": {"Containers": [{}]}}, r"Containers\[0\].Image"),
        ({"ModelPackageName": "alone", "ModelApprovalStatus": "Approved"}, "only packages of a group are approved"),
        ({"ModelPackageGroupName": "models", "ModelApprovalStatus": "Fine"}, "enum value set"),
        ({"ModelPackageGroupName": "models", "CertifyForMarketplace": True}, "CertifyForMarketplace: got True"),
    ],
)
def test_a_bad_package_is_refused(registry, request_, message):
    with pytest.raises(ServiceError, match=message):
        registry.call("CreateModelPackage", **request_)


def test_a_package_that_is_not_there_is_told(registry):
    with pytest.raises(ServiceError, match="models/7 does not exist"):
        registry.call("DescribeModelPackage", ModelPackageName="models/7")
