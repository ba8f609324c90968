"""One training job, by hand: your copy of the training code and your figures on the platform's hosts.

What only the platform knows, it publishes under the environment's name: role, network, key, buckets, image, instance
type. The job runs this project's launcher, as the pipelines' jobs do. The same command works on AWS and on the embedded
cloud: the AWS variables of your shell decide.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import re
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

import ml_contract
import training_code
from ml_contract import metrics
from ml_contract.checks import at_least
from ml_contract.entrypoint import CODE, TRAINING_INPUT, entrypoint
from ml_contract.errors import ContractError, reject
from ml_contract.hyperparameters import encode
from ml_contract.instances import instance
from ml_contract.published import Published, path
from ml_contract.sizing.fit import check_fit
from ml_contract.training.layout import World
from ml_contract.training.optimization import AdamW
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp, Fsdp
from ml_contract.workloads import BytesLm, Digits

# Yours to change: every field of a run is described where its class is.
RUNS = {
    "bytes_lm": TrainingRun(
        workload=BytesLm(), strategy=Fsdp(), optimizer=AdamW(learning_rate=6e-3), global_batch_size=32, steps=120
    ),
    "digits": TrainingRun(
        workload=Digits(), strategy=Ddp(), optimizer=AdamW(learning_rate=2e-3), global_batch_size=64, steps=200
    ),
}
HOURS = 4
TRAIN = "train"


def find(environment: str) -> Published:
    """Everything that the platform publishes to a run."""
    pages = boto3.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=path(environment), Recursive=True)
    return Published.read(environment, {each["Name"]: each["Value"] for page in pages for each in page["Parameters"]})


def newest_dataset(published: Published, kind: str) -> str:
    """The training split that an execution of the workload's pipeline prepared last."""
    below = f"{published.datasets_uri}/{kind.replace('_', '-')}/"
    bucket, prefix = split(below)
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = [each for page in pages for each in page.get("Contents", []) if f"/{TRAIN}/" in each["Key"]]
    if not found:
        reject("--data", None, f"no execution of the pipeline has prepared a data set below {below}",
               "Start the pipeline once, or name a folder or an s3:// prefix of your own.")  # fmt: skip
    key: str = max(found, key=lambda each: each["LastModified"])["Key"]
    return f"s3://{bucket}/{key[: key.index(f'/{TRAIN}/')]}/{TRAIN}"


def upload(folder: Path, uri: str) -> str:
    """Copy a folder of shards below an address, and return the address."""
    files = [each for each in sorted(folder.rglob("*")) if each.is_file()]
    if not files:
        reject("--data", str(folder), "no file lies below that folder", "Name one with shards, or an s3:// prefix.")
    (bucket, prefix), s3 = split(uri), boto3.client("s3")
    for each in files:
        s3.upload_file(str(each), bucket, f"{prefix}/{each.relative_to(folder).as_posix()}")
    return uri


def upload_code(uri: str) -> str:
    """Pack the two packages that a container imports, as they are here, and return where they are."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for package in (ml_contract, training_code):
            folder = Path(str(package.__file__)).parent
            tar.add(folder, folder.name, filter=lambda each: None if "__pycache__" in each.name else each)
    bucket, prefix = split(uri)
    boto3.client("s3").put_object(Bucket=bucket, Key=f"{prefix}/code.tgz", Body=archive.getvalue())
    return uri


def shared_channel(text: str) -> tuple[str, str]:
    """Name of a channel, and where its files lie below the platform's shared ones."""
    name, _, prefix = text.partition("=")
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,64}", name) or not prefix or name in (TRAIN, CODE):
        reject("--shared", text, f"it names a channel other than {TRAIN} and {CODE}, and a prefix",
               "Write it like pretrained=llama-3-8b.")  # fmt: skip
    return name, prefix


def split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def start(name: str, run: TrainingRun, published: Published, data: str, arguments: argparse.Namespace) -> Any:
    """Create the training job. Every field is what a step of the platform's pipelines would send."""
    from sagemaker.core import shapes  # takes seconds to import: what is wrong before is said before
    from sagemaker.core.resources import TrainingJob

    def channel(name: str, uri: str) -> shapes.Channel:
        source = shapes.S3DataSource(s3_data_type="S3Prefix", s3_uri=uri, s3_data_distribution_type="FullyReplicated")
        return shapes.Channel(channel_name=name, data_source=shapes.DataSource(s3_data_source=source))

    workload = published.workload(run.workload.kind)
    shared = [channel(each, f"{published.shared_uri}/{prefix}") for each, prefix in arguments.shared]
    # Types with a disk of their own encrypt it themselves, and refuse a key.
    volume_key = {} if instance(workload.instance_type).has_local_storage else {"volume_kms_key_id": published.key_arn}
    waits = {"max_wait_time_in_seconds": 3 * HOURS * 3600} if arguments.spot else {}
    return TrainingJob.create(
        training_job_name=name,
        role_arn=published.role_arn,
        algorithm_specification=shapes.AlgorithmSpecification(
            training_image=workload.image_uri,
            training_input_mode="File",
            container_entrypoint=entrypoint("training_code.launcher", archive_folder=TRAINING_INPUT),
            metric_definitions=[shapes.MetricDefinition(name=m.name, regex=m.regex) for m in metrics.METRICS],
        ),
        hyper_parameters=encode(run),
        input_data_config=[
            channel(CODE, upload_code(f"{published.artifacts_uri}/{name}/code")),
            channel(TRAIN, data),
            *shared,
        ],
        output_data_config=shapes.OutputDataConfig(
            s3_output_path=published.artifacts_uri, kms_key_id=published.key_arn
        ),
        resource_config=shapes.ResourceConfig(
            instance_type=workload.instance_type,
            instance_count=arguments.hosts,
            volume_size_in_gb=workload.volume_gib,
            **volume_key,
        ),
        vpc_config=shapes.VpcConfig(
            subnets=list(published.subnet_ids), security_group_ids=list(published.security_group_ids)
        ),
        enable_managed_spot_training=arguments.spot,
        stopping_condition=shapes.StoppingCondition(max_runtime_in_seconds=HOURS * 3600, **waits),
    )


def follow(job: Any, poll: float) -> dict[int, float]:
    """Print the loss as the log grows, until the job has ended; losses by step."""
    losses: dict[int, float] = {}
    since = 0
    while True:
        ended = job.training_job_status in ("Completed", "Failed", "Stopped")
        before = len(losses)
        for event in metric_lines(job.training_job_name, since):
            since = event["timestamp"]
            step, values = metrics.parse(event["message"]) or (0, {})
            losses |= {step: values[metrics.LOSS]} if metrics.LOSS in values else {}
        if len(losses) > before:
            print(f"step {max(losses)}: loss {losses[max(losses)]:.4f}", flush=True)
        elif ended:  # CloudWatch shows lines a while after they were written
            return losses
        time.sleep(poll)
        job.refresh()


def metric_lines(name: str, since: int) -> Iterator[dict[str, Any]]:
    """Events with a loss in the log of the first host, from a time in milliseconds."""
    pages = boto3.client("logs").get_paginator("filter_log_events")
    try:
        for page in pages.paginate(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/algo-1",
                                   filterPattern=f'"{metrics.LOSS.name}"', startTime=since):  # fmt: skip
            yield from page["events"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":  # an account's first job makes the group
            raise


def main(arguments: argparse.Namespace) -> int:
    published = find(arguments.environment)
    workload = published.workload(arguments.workload)
    name = f"{published.job_prefix}{arguments.workload.replace('_', '-')}-{time.strftime('%Y%m%d-%H%M%S')}"
    run = dataclasses.replace(
        RUNS[arguments.workload],
        steps=RUNS[arguments.workload].steps if arguments.steps is None else arguments.steps,
        checkpoint_uri=f"{published.checkpoints_uri}/{name}",
    )
    at_least("--hosts", arguments.hosts, 1)
    arguments.shared = [shared_channel(each) for each in arguments.shared]
    run.bind(World.of(workload.instance_type, arguments.hosts))
    check_fit(run, workload.instance_type, arguments.hosts)
    data = arguments.data or newest_dataset(published, arguments.workload)
    if not data.startswith("s3://"):
        data = upload(Path(data), f"{published.data_uri}/{name}/{TRAIN}")
    job = start(name, run, published, data, arguments)
    print(f"{name}: {arguments.hosts} x {workload.instance_type}, {run.steps} steps on {data}", flush=True)
    losses = follow(job, arguments.poll)
    if job.training_job_status != "Completed":
        reason = job.failure_reason if job.training_job_status == "Failed" else job.secondary_status
        print(f"{job.training_job_status}: {reason}", file=sys.stderr)
        return 1
    if losses:
        print(f"Completed: loss {losses[min(losses)]:.4f} -> {losses[max(losses)]:.4f} in {len(losses)} steps")
    print(job.model_artifacts.s3_model_artifacts)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environment", help="name of a deployed environment, for example dev")
    parser.add_argument("--workload", choices=RUNS, default="bytes_lm")
    parser.add_argument("--data", help="folder or s3:// prefix of shards; by default the pipeline's newest data set")
    parser.add_argument("--shared", action="append", default=[], metavar="CHANNEL=PREFIX",
                        help="a channel of what the platform shares, such as weights to start from")  # fmt: skip
    parser.add_argument("--steps", type=int, help="optimiser steps; by default those of the run above")
    parser.add_argument("--hosts", type=int, default=1)
    parser.add_argument("--spot", action="store_true", help="spare capacity; the job continues from its checkpoint")
    parser.add_argument("--poll", type=float, default=10, help="seconds between two looks at the log")
    try:
        sys.exit(main(parser.parse_args()))
    except (ContractError, BotoCoreError, ClientError) as error:
        sys.exit(f"train.py: {error}")
    except KeyboardInterrupt:
        sys.exit("train.py: the job goes on; `aws sagemaker stop-training-job --training-job-name NAME` ends it")
