"""S3 as clients nobody here wrote see it: boto3, the CRT behind s3torchconnector, the AWS CLI."""

from __future__ import annotations

import base64
import concurrent.futures
import os
import shutil
import struct
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from awscrt import checksums
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainyard.local.cloud import Cloud

MIB = 1 << 20


@pytest.fixture
def s3(client: Callable) -> Any:
    return client("s3")


def crc64(content: bytes) -> str:
    return base64.b64encode(struct.pack(">Q", checksums.crc64nvme(content))).decode()


def status(call: Callable[..., Any], /, **parameters: Any) -> tuple[int, str]:
    """HTTP status and error code of a call that fails."""
    with pytest.raises(ClientError) as error:
        call(**parameters)
    answer = error.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=3000),
    algorithm=st.sampled_from([None, "CRC64NVME", "CRC32", "CRC32C", "SHA1", "SHA256"]),
)
def test_an_object_comes_back_with_its_checksum(s3: Any, bucket: str, content: bytes, algorithm: str | None) -> None:
    put = s3.put_object(Bucket=bucket, Key="a", Body=content, **({"ChecksumAlgorithm": algorithm} if algorithm else {}))
    got = s3.get_object(Bucket=bucket, Key="a")
    assert got["Body"].read() == content
    name = f"Checksum{algorithm or 'CRC32'}"  # boto3's own default
    assert put[name] == got[name]
    assert got["ChecksumType"] == "FULL_OBJECT"


def test_without_a_checksum_s3_computes_crc64nvme(s3: Any, bucket: str, cloud: Cloud) -> None:
    plain = boto3.client(
        "s3",
        endpoint_url=cloud.endpoint_url,
        config=Config(request_checksum_calculation="when_required"),
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    assert plain.put_object(Bucket=bucket, Key="a", Body=b"hello")["ChecksumCRC64NVME"] == crc64(b"hello")
    assert s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")["ChecksumCRC64NVME"] == crc64(b"hello")


def test_content_that_does_not_match_its_checksum_is_refused(s3: Any, bucket: str) -> None:
    wrong = {"Bucket": bucket, "Key": "a", "Body": b"hellp", "ChecksumCRC64NVME": crc64(b"hello")}
    assert status(s3.put_object, **wrong) == (400, "BadDigest")
    assert status(s3.head_object, Bucket=bucket, Key="a")[0] == 404


def test_if_none_match_keeps_what_is_there(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="commit", Body=b"first", IfNoneMatch="*")
    assert status(s3.put_object, Bucket=bucket, Key="commit", Body=b"second", IfNoneMatch="*") == (
        412,
        "PreconditionFailed",
    )
    assert s3.get_object(Bucket=bucket, Key="commit")["Body"].read() == b"first"


def test_of_many_writers_at_once_exactly_one_commits(s3: Any, bucket: str) -> None:
    def write(number: int) -> bool:
        try:
            s3.put_object(Bucket=bucket, Key="commit", Body=str(number).encode(), IfNoneMatch="*")
        except ClientError as error:
            return error.response["Error"]["Code"] != "PreconditionFailed"
        return True

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        won = [number for number, wrote in enumerate(pool.map(write, range(16))) if wrote]
    assert len(won) == 1
    assert s3.get_object(Bucket=bucket, Key="commit")["Body"].read() == str(won[0]).encode()


def upload(s3: Any, bucket: str, parts: list[bytes], **options: Any) -> tuple[str, list[dict[str, Any]]]:
    algorithm = {name: value for name, value in options.items() if name == "ChecksumAlgorithm"}
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="m", **options)["UploadId"]
    done = []
    for number, content in enumerate(parts, 1):
        answer = s3.upload_part(
            Bucket=bucket, Key="m", UploadId=upload_id, PartNumber=number, Body=content, **algorithm
        )
        sums = {name: value for name, value in answer.items() if name.startswith("Checksum") and name != "ChecksumType"}
        done.append({"PartNumber": number, "ETag": answer["ETag"], **sums})
    return upload_id, done


@pytest.mark.parametrize(
    ("algorithm", "kind", "expected"),
    [
        ("CRC64NVME", None, "FULL_OBJECT"),
        ("CRC32C", "FULL_OBJECT", "FULL_OBJECT"),
        ("CRC32C", None, "COMPOSITE"),
        ("SHA256", None, "COMPOSITE"),
    ],
)
def test_multipart_checksums_have_the_type_that_s3_gives(
    s3: Any, bucket: str, algorithm: str, kind: str | None, expected: str
) -> None:
    parts = [os.urandom(5 * MIB), os.urandom(MIB)]
    options = {"ChecksumAlgorithm": algorithm, **({"ChecksumType": kind} if kind else {})}
    upload_id, done = upload(s3, bucket, parts, **options)
    answer = s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=upload_id, MultipartUpload={"Parts": done})
    head = s3.head_object(Bucket=bucket, Key="m", ChecksumMode="ENABLED")
    for found in (answer, head):
        assert found["ChecksumType"] == expected
        assert found[f"Checksum{algorithm}"].endswith("-2") == (expected == "COMPOSITE")
    if algorithm == "CRC64NVME":
        assert head["ChecksumCRC64NVME"] == crc64(b"".join(parts))
    assert s3.get_object(Bucket=bucket, Key="m")["Body"].read() == b"".join(parts)


@pytest.mark.parametrize("options", [{"ChecksumAlgorithm": "CRC64NVME"}, {"ChecksumAlgorithm": "SHA256"}])
def test_completing_once_more_gives_the_same_answer(s3: Any, bucket: str, options: dict[str, str]) -> None:
    upload_id, done = upload(s3, bucket, [b"hello"], **options)
    request = {"Bucket": bucket, "Key": "m", "UploadId": upload_id, "MultipartUpload": {"Parts": done}}
    first, second = s3.complete_multipart_upload(**request), s3.complete_multipart_upload(**request)
    assert (first["ETag"], first["ChecksumType"]) == (second["ETag"], second["ChecksumType"])


def test_a_multipart_upload_whose_full_checksum_is_wrong_is_refused(s3: Any, bucket: str) -> None:
    upload_id, done = upload(s3, bucket, [b"hello"], ChecksumAlgorithm="CRC64NVME")
    request = {"Bucket": bucket, "Key": "m", "UploadId": upload_id, "MultipartUpload": {"Parts": done}}
    assert status(s3.complete_multipart_upload, **request, ChecksumCRC64NVME=crc64(b"hellp")) == (400, "BadDigest")
    s3.complete_multipart_upload(**request, ChecksumCRC64NVME=crc64(b"hello"))


def test_a_multipart_upload_is_listed_and_can_be_given_up(s3: Any, bucket: str) -> None:
    upload_id, done = upload(s3, bucket, [b"hello"])
    parts = s3.list_parts(Bucket=bucket, Key="m", UploadId=upload_id)["Parts"]
    assert [(part["PartNumber"], part["Size"], part["ETag"]) for part in parts] == [(1, 5, done[0]["ETag"])]
    assert [found["UploadId"] for found in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload_id]
    s3.abort_multipart_upload(Bucket=bucket, Key="m", UploadId=upload_id)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    gone = {"Bucket": bucket, "Key": "m", "UploadId": upload_id}
    assert status(s3.complete_multipart_upload, **gone, MultipartUpload={"Parts": done}) == (404, "NoSuchUpload")
    assert status(s3.head_object, Bucket=bucket, Key="m")[0] == 404


def test_a_multipart_upload_over_what_is_there_is_refused_when_asked(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="m", Body=b"first")
    upload_id, done = upload(s3, bucket, [b"hello"])
    request = {"Bucket": bucket, "Key": "m", "UploadId": upload_id, "MultipartUpload": {"Parts": done}}
    assert status(s3.complete_multipart_upload, **request, IfNoneMatch="*") == (412, "PreconditionFailed")


def test_parts_below_five_mebibytes_are_refused(s3: Any, bucket: str) -> None:
    upload_id, done = upload(s3, bucket, [b"small", b"last"])
    request = {"Bucket": bucket, "Key": "m", "UploadId": upload_id, "MultipartUpload": {"Parts": done}}
    assert status(s3.complete_multipart_upload, **request) == (400, "EntityTooSmall")


def bytes_read(cloud: Cloud) -> int:
    """What the cloud has read from files since it was started."""
    rows = Path(f"/proc/{cloud.status().pid}/io").read_text().splitlines()
    return int(rows[0].removeprefix("rchar: "))


@pytest.mark.slow
def test_a_hundred_megabytes_and_their_ranges(s3: Any, bucket: str, cloud: Cloud, tmp_path: Path) -> None:
    content = os.urandom(4 * MIB) * 30
    (tmp_path / "big").write_bytes(content)
    s3.put_object(Bucket=bucket, Key="big", Body=content, ChecksumAlgorithm="CRC64NVME")
    before = bytes_read(cloud)
    for first, last in ((0, 0), (7, 4096), (len(content) - 5, len(content) - 1), (50 * MIB, 51 * MIB)):
        found = s3.get_object(Bucket=bucket, Key="big", Range=f"bytes={first}-{last}")
        assert found["ContentRange"] == f"bytes {first}-{last}/{len(content)}"
        assert found["Body"].read() == content[first : last + 1]
    # Four ranges without reading the whole four times.
    assert bytes_read(cloud) - before < len(content) // 2
    assert s3.get_object(Bucket=bucket, Key="big", Range="bytes=-3")["Body"].read() == content[-3:]
    assert status(s3.get_object, Bucket=bucket, Key="big", Range=f"bytes={len(content)}-")[0] == 416
    s3.upload_file(str(tmp_path / "big"), bucket, "file")
    s3.download_file(bucket, "file", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == content


def test_what_is_not_served_is_not_answered(s3: Any, bucket: str) -> None:
    assert status(s3.get_bucket_analytics_configuration, Bucket=bucket, Id="x") == (501, "NotImplemented")
    put = {"Bucket": bucket, "Id": "x", "AnalyticsConfiguration": {"Id": "x", "StorageClassAnalysis": {}}}
    assert status(s3.put_bucket_analytics_configuration, **put) == (501, "NotImplemented")


CONNECTOR = """
import os, sys
from s3torchconnector._s3client import S3Client, S3ClientConfig
bucket, endpoint = sys.argv[1:]
client = S3Client("us-east-1", endpoint=endpoint, s3client_config=S3ClientConfig(force_path_style=True))
content = os.urandom(1 << 20) * 20
for key, written in (("small", b"hello"), ("large", content)):
    writer = client.put_object(bucket, key)
    writer.write(written)
    writer.close()
    assert client.get_object(bucket, key).read() == written, key
    assert client.head_object(bucket, key).size == len(written), key
assert sorted(o.key for page in client.list_objects(bucket) for o in page.object_info) == ["large", "small"]
client.delete_object(bucket, "small")
print("same")
"""


@pytest.mark.slow
def test_s3torchconnector_writes_and_reads(cloud: Cloud, bucket: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CONNECTOR, bucket, cloud.endpoint_url],
        capture_output=True,
        text=True,
        env={**os.environ, **cloud.environment(), "OMP_NUM_THREADS": "1"},
        timeout=120,
    )
    assert ran.stdout == "same\n", ran.stderr


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("aws") is None, reason="no AWS CLI on this machine")
def test_the_aws_cli_copies_there_and_back(cloud: Cloud, bucket: str, tmp_path: Path) -> None:
    content = os.urandom(12 * MIB)
    (tmp_path / "a").write_bytes(content)
    environment = {**os.environ, **cloud.environment()}
    for source, target in (("a", f"s3://{bucket}/a"), (f"s3://{bucket}/a", "b")):
        subprocess.run(
            ["aws", "s3", "cp", source, target, "--no-progress"], cwd=tmp_path, env=environment, check=True, timeout=60
        )
    assert (tmp_path / "b").read_bytes() == content


def faulty(cloud: Cloud, bucket: str, **fields: Any) -> str:
    return str(cloud.call("InjectFault", Kind="S3Error", Bucket=bucket, **fields)["FaultId"])


def test_a_fault_strikes_its_operation_as_often_as_asked(s3: Any, bucket: str, cloud: Cloud) -> None:
    faulty(cloud, bucket, Key="a/*", Operation="PutObject", StatusCode=503, ErrorCode="SlowDown", Count=2)
    put = {"Bucket": bucket, "Key": "a/1", "Body": b"x" * MIB}
    s3.put_object(**{**put, "Key": "b/1"})
    assert [status(s3.put_object, **put) for _ in range(2)] == [(503, "SlowDown")] * 2
    s3.put_object(**put)
    assert s3.get_object(Bucket=bucket, Key="a/1")["Body"].read() == put["Body"]


def test_a_fault_of_one_operation_spares_the_others(s3: Any, bucket: str, cloud: Cloud) -> None:
    fault = faulty(cloud, bucket, Operation="UploadPart", Count=9)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    s3.list_objects_v2(Bucket=bucket)
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    part = {"Bucket": bucket, "Key": "m", "UploadId": upload_id, "PartNumber": 1, "Body": b"x"}
    assert status(s3.upload_part, **part) == (500, "InternalError")
    cloud.call("ClearFaults", FaultId=fault)
    s3.upload_part(**part)


@pytest.mark.slow
def test_a_fault_can_be_silence(bucket: str, cloud: Cloud) -> None:
    impatient = boto3.client(
        "s3",
        endpoint_url=cloud.endpoint_url,
        config=Config(read_timeout=0.5, retries={"total_max_attempts": 1}),
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    faulty(cloud, bucket, Operation="GetObject", DelaySeconds=30)
    key = uuid.uuid4().hex
    impatient.put_object(Bucket=bucket, Key=key, Body=b"x")
    with pytest.raises(ReadTimeoutError):
        impatient.get_object(Bucket=bucket, Key=key)
    assert impatient.get_object(Bucket=bucket, Key=key)["Body"].read() == b"x"
