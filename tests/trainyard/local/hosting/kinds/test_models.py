"""Loose files, images that bring their model, containers in a row."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from ..conftest import Maker
from .conftest import IMAGE, Clients, answered, body

pytestmark = pytest.mark.slow


def test_a_model_of_loose_files(make: Maker, clients: Clients, role: str) -> None:
    clients("s3").put_object(Bucket="data", Key="loose/constant", Body=b"7")
    source = {"S3Uri": "s3://data/loose/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": IMAGE, "ModelDataSource": {"S3DataSource": source}}
    make.sagemaker.create_model(ModelName="loose", PrimaryContainer=container, ExecutionRoleArn=role)
    assert answered(make.invoke(make.endpoint(make.config("loose", count=2)), body(1)))["data"] == [8]


def test_an_image_that_brings_its_model(make: Maker, role: str) -> None:
    make.sagemaker.create_model(ModelName="bare", PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=role)
    assert answered(make.invoke(make.endpoint(make.config("bare")), body(1)))["data"] == [1]


@pytest.mark.parametrize("mode", ["Serial", "Direct"])
def test_containers_in_a_row_or_by_name(make: Maker, role: str, mode: str) -> None:
    model = f"pipeline-{mode.lower()}"
    containers = [
        {
            "Image": IMAGE,
            "ModelDataUrl": f"s3://data/{make.model(f'add {step}')}/model.tar.gz",
            "ContainerHostname": host,
        }
        for host, step in (("first", 1), ("second", 10), ("third", 100))
    ]
    make.sagemaker.create_model(
        ModelName=model, Containers=containers, ExecutionRoleArn=role, InferenceExecutionConfig={"Mode": mode}
    )
    name = make.endpoint(make.config(model))
    if mode == "Serial":
        assert answered(make.invoke(name, body(1, 2)))["data"] == [112, 113]
        with pytest.raises(ClientError, match="asked one after the other"):
            make.invoke(name, body(1), TargetContainerHostname="first")
        with pytest.raises(make.runtime.exceptions.ModelError, match="from first with message"):
            make.invoke(name, body(1, wanted="stub"))
    else:
        assert answered(make.invoke(name, body(1), TargetContainerHostname="second"))["data"] == [11]
        with pytest.raises(ClientError, match="it is one of first, second, third"):
            make.invoke(name, body(1))
