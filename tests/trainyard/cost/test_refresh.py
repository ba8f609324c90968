"""A table through AWS's APIs: botocore's own clients, answered with documents of the APIs' shapes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from ml_contract.errors import ContractError
from trainyard.cost.offers import groups
from trainyard.cost.prices import Price, Prices, write
from trainyard.cost.refresh import Clients, refresh

TODAY = date(2026, 11, 22)


def product(service: str, usage: str, *tiers: tuple[str, str], unit: str = "Hrs", **attributes: str) -> str:
    """An element of PriceList: a JSON text. Shape: "Using the AWS Price List Query API", read 2026-11-22."""
    sku = f"{abs(hash((service, usage, str(attributes)))):016X}"[:16]
    term = f"{sku}.JRTCKXETXF"
    dimensions = {
        f"{term}.{number}": {
            "rateCode": f"{term}.{number}", "unit": unit, "beginRange": begin, "endRange": "Inf",
            "description": f"${amount} per {unit}", "appliesTo": [], "pricePerUnit": {"USD": amount},
        }
        for number, (begin, amount) in enumerate(tiers)
    }  # fmt: skip
    return json.dumps({
        "product": {"sku": sku, "productFamily": "ML Instance",
                    "attributes": {"servicecode": service, "regionCode": "us-east-1", "usagetype": usage} | attributes},
        "serviceCode": service,
        "terms": {"OnDemand": {term: {
            "sku": sku, "offerTermCode": "JRTCKXETXF", "effectiveDate": "2026-11-01T00:00:00Z", "termAttributes": {},
            "priceDimensions": dimensions,
        }}},
        "version": "20261115000000", "publicationDate": "2026-11-15T00:00:00Z",
    })  # fmt: skip


ANSWERS: dict[str, list[list[str]]] = {
    "AmazonSageMaker": [
        [
            product("AmazonSageMaker", "USE1-Train:ml.g5.xlarge", ("0", "1.4080000000"), component="Training",
                    instanceName="ml.g5.xlarge"),
            product("AmazonSageMaker", "USE1-Cluster:ml.p5.48xlarge", ("0", "66.0480000000"), component="Cluster"),
            product("AmazonSageMaker", "USE1-ReservedCluster:ml.p5.48xlarge", ("0", "0.0000000000")),
        ],
        [
            product("AmazonSageMaker", "USE1-TrainingPlanUpfrontFee:ml.p4d.24xlarge", ("0", "13.57"), unit="Quantity"),
            product("AmazonSageMaker", "USE1-Studio:ml.g5.xlarge", ("0", "9.9")),
            product("AmazonSageMaker", "USE1-Cluster:VolumeUsage.gp2", ("0", "0.1"), unit="GB-Mo"),
            product("AmazonSageMaker", "USE1-AsyncInf:ml.g5.xlarge", ("0", "1.5")),
        ],
    ],
    "AmazonFSx": [[
        product("AmazonFSx", "USE1-Storage", ("0", "0.21"), unit="GB-Mo", fileSystemType="Lustre", storageType="SSD",
                throughputCapacity="250 MBps/TiB"),
        product("AmazonFSx", "USE1-Storage", ("0", "0.13"), unit="GB-Mo", fileSystemType="Windows", storageType="SSD"),
    ]],
    "AmazonRDS": [[
        product("AmazonRDS", "Multi-AZUsage:db.m6g.large", ("0", "0.304"), instanceType="db.m6g.large",
                databaseEngine="MariaDB", deploymentOption="Multi-AZ"),
        product("AmazonRDS", "InstanceUsage:db.m6g.large", ("0", "9"), instanceType="db.m6g.large",
                databaseEngine="Oracle", deploymentOption="Single-AZ"),
    ]],
    "Compute Instance": [[
        product("AmazonEC2", "BoxUsage:g5.xlarge", ("0", "1.006"), instanceType="g5.xlarge"),
        product("AmazonEC2", "UnusedBox:g5.xlarge", ("0", "1.007"), instanceType="g5.xlarge"),
    ]],
    "AmazonVPC": [[product("AmazonVPC", "USE1-VpcEndpoint-Hours", ("0", "0.0100000000"))]],
    "awskms": [[product("awskms", "us-east-1-KMS-Requests", ("0", "0.0000030000"), unit="Requests")]],
    "AmazonPrometheus": [[
        product("AmazonPrometheus", "USE1-AMP:MetricSampleCount", ("40000000", "0.0000000900"),
                ("2000000000", "0.00000003"), ("0", "0.0000000000"), unit="samples"),
    ]],
    "AmazonS3": [[
        product("AmazonS3", "USE1-TimedStorage-ByteHrs", ("512000", "0.021"), ("0", "0.023"), unit="GB-Mo"),
    ]],
}  # fmt: skip


@pytest.fixture
def clients() -> Iterator[Clients]:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    made = {name: boto3.client(name, region_name="us-east-1", **keys) for name in ("pricing", "savingsplans", "ec2")}
    with ExitStack() as stack:
        stubs = {name: stack.enter_context(Stubber(client)) for name, client in made.items()}
        for service, family in groups():
            pages = ANSWERS.get(family if service == "AmazonEC2" or family == "Storage" else service, [[]])
            wanted = {"regionCode": "us-east-1"} | ({"productFamily": family} if family else {})
            if family == "Compute Instance":
                wanted |= {"operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA",
                           "capacitystatus": "Used"}  # fmt: skip
            filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()]
            for number, page in enumerate(pages):
                asked: dict[str, Any] = {"ServiceCode": service, "Filters": filters}
                if number:
                    asked["NextToken"] = str(number)
                more = {"NextToken": str(number + 1)} if number + 1 < len(pages) else {}
                stubs["pricing"].add_response("get_products", {"PriceList": page, **more}, asked)
        rate = {"unit": "Hrs", "productType": "SageMaker", "serviceCode": "AmazonSageMaker", "operation": "RunInstance"}
        offering = {"offeringId": "o", "paymentOption": "No Upfront", "planType": "SageMaker", "currency": "USD"}
        stubs["savingsplans"].add_response(
            "describe_savings_plans_offering_rates",
            {"searchResults": [
                rate | {"rate": "1.12", "usageType": "USE1-Train:ml.g5.xlarge",
                        "savingsPlanOffering": offering | {"durationSeconds": 31536000}},
                rate | {"rate": "0.79", "usageType": "USE1-Train:ml.g5.xlarge",
                        "savingsPlanOffering": offering | {"durationSeconds": 94608000}},
            ]},
        )  # fmt: skip
        when = datetime(2026, 11, 20, tzinfo=UTC)
        stubs["ec2"].add_response("describe_spot_price_history", {"SpotPriceHistory": [
            {"InstanceType": "g5.xlarge", "SpotPrice": price, "AvailabilityZone": "us-east-1a", "Timestamp": when,
             "ProductDescription": "Linux/UNIX"} for price in ("0.4", "0.6")
        ]}, {"ProductDescriptions": ["Linux/UNIX"], "StartTime": datetime(2026, 11, 15, tzinfo=UTC), "Filters": [
            {"Name": "instance-type", "Values": ["g5.xlarge", "p4d.24xlarge", "p5.48xlarge"]}]})  # fmt: skip
        yield Clients(pricing=made["pricing"], savings=made["savingsplans"], ec2=made["ec2"])
        for stub in stubs.values():
            stub.assert_no_pending_responses()


def test_a_table_is_written_from_what_aws_answers(clients: Clients, tmp_path: Path) -> None:
    said = list(refresh("us-east-1", clients, today=TODAY, tables=tmp_path))
    found = Prices.load("us-east-1", tables=tmp_path)
    assert {item: price.amount for item, price in found.rows.items()} == {
        "ml.g5.xlarge/training": 1.408,
        "ml.g5.xlarge/async": 1.5,
        "sagemaker/cluster-volume-gb-month": 0.1,
        "ml.g5.xlarge/training/savings-1-year": 1.12,
        "ml.g5.xlarge/training/savings-3-year": 0.79,
        "g5.xlarge/ec2": 1.006,
        "g5.xlarge/spot": 0.5,
        "ml.p5.48xlarge/cluster": 66.048,
        "ml.p4d.24xlarge/plan": 13.57,
        "fsx/lustre-persistent_2-ssd-250-gb-month": 0.21,
        "rds/db.m6g.large/mariadb/multi-az": 0.304,
        "vpc/interface-endpoint-hour": 0.01,
        "kms/10000-requests": 0.03,
        "prometheus/10-million-samples": 0.9,
        "s3/standard-gb-month": 0.023,
    }
    assert {price.read for price in found.rows.values()} == {TODAY}
    assert found.savings("ml.g5.xlarge", years=3, usage="training").hourly == 0.79
    assert found.spot("ml.g5.xlarge").source.startswith("Amazon EC2 API, DescribeSpotPriceHistory")
    assert said[0] == "12 prices on demand of us-east-1"
    assert said[-1].endswith("us-east-1.csv: 15 prices")


def test_a_price_that_aws_does_not_tell_keeps_its_day_and_source(clients: Clients, tmp_path: Path) -> None:
    old = date(2025, 1, 1)
    rows = [Price(item=item, amount=amount, unit="hour", currency="USD", source="an old list", read=old)
            for item, amount in (("ml.t3.medium/processing", 0.05), ("ml.g5.xlarge/training", 1.0))]  # fmt: skip
    write("us-east-1", rows, {"an old list": "old"}, tables=tmp_path)
    said = list(refresh("us-east-1", clients, today=TODAY, tables=tmp_path))
    kept = Prices.load("us-east-1", tables=tmp_path).item("ml.t3.medium/processing")
    assert (kept.amount, kept.read, kept.source) == (0.05, old, "an old list")
    assert "ml.g5.xlarge/training: 1 (2025-01-01) is 1.408 now" in said
    assert "1 prices that AWS did not tell keep their day: ml.t3.medium/processing" in said


def test_a_region_without_prices_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    client = boto3.client("pricing", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stub:
        for _ in groups():
            stub.add_response("get_products", {"PriceList": []})
        with pytest.raises(ContractError, match="no price of it"):
            list(refresh("mars-1", Clients(pricing=client, savings=None, ec2=None), today=TODAY, tables=tmp_path))
    assert list(tmp_path.iterdir()) == []
