"""Links to S3 as a template, and as the requests that they become."""

import botocore.session
import pytest
from lustre_scenes import ACCOUNT, file_system, of, plain
from policies import allows
from synthesis import resources

from trainyard.local.api.shapes import violations


def test_links_are_requests_that_fsx_knows(template: dict) -> None:
    model = botocore.session.get_session().get_service_model("fsx")
    shape = model.operation_model("CreateDataRepositoryAssociation").input_shape
    links = resources(template, "AWS::FSx::DataRepositoryAssociation")
    assert len(links) == 2
    for link in links.values():
        assert list(violations(shape, plain(link["Properties"]))) == []


def test_links_are_made_one_after_the_other_and_say_what_is_copied(template: dict) -> None:
    data, results = (
        of(template, "AWS::FSx::DataRepositoryAssociation", f"FastLink{name}") for name in ("data", "results")
    )
    ((first, one),), (two,) = data.items(), results.values()
    assert two["DependsOn"] == [first]
    assert one["Properties"]["S3"] == {"AutoImportPolicy": {"Events": ["NEW", "CHANGED"]}}
    assert two["Properties"]["S3"] == {"AutoExportPolicy": {"Events": ["NEW"]}}
    assert (two["Properties"]["FileSystemPath"], two["Properties"]["ImportedFileChunkSize"]) == ("/results", 256)
    assert one["Properties"]["DataRepositoryPath"]["Fn::Join"][1][2] == "/shared/"


def test_failures_of_the_mirror_are_logged_where_fsx_may_write(template: dict) -> None:
    ((name, log),) = of(template, "AWS::Logs::LogGroup", "Fast").items()
    assert log["Properties"]["LogGroupName"].startswith("/aws/fsx/")
    assert log["Properties"]["RetentionInDays"] == 30
    written = file_system(template, "Fast")["Properties"]["LustreConfiguration"]["LogConfiguration"]
    assert (written["Level"], written["Destination"]["Fn::Join"][1][-1]) == ("WARN_ERROR", {"Ref": name})
    assert "LogConfiguration" not in file_system(template, "Plain")["Properties"]["LustreConfiguration"]


FSX_ROLE = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/s3.data-source.lustre.fsx.amazonaws.com/"
    "AWSServiceRoleForFSxS3Access_fs-0123456789abcdef0"
)


@pytest.mark.parametrize(
    ("principal", "via", "passes"),
    [
        (FSX_ROLE, "s3.us-east-1.amazonaws.com", True),
        (FSX_ROLE, "ec2.us-east-1.amazonaws.com", False),
        (FSX_ROLE.replace(ACCOUNT, "999999999999"), "s3.us-east-1.amazonaws.com", False),
        (f"arn:aws:iam::{ACCOUNT}:role/Other", "s3.us-east-1.amazonaws.com", False),
    ],
)
def test_the_roles_of_linked_file_systems_use_the_buckets_key_through_s3(
    template: dict, principal: str, via: str, passes: bool
) -> None:
    ((_, key),) = of(template, "AWS::KMS::Key", "Key").items()
    # The account's own statement hands the decision to its identities' policies, of which FSx's role has none.
    statements = key["Properties"]["KeyPolicy"]["Statement"][1:]
    found = allows(statements, "kms:GenerateDataKey", "*", aws__PrincipalArn=principal, kms__ViaService=via)
    assert found is passes
