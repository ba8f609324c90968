"""What SageMaker's layer adds to a request: /invocations of a Triton itself, and InvokeEndpoint on the embedded cloud.

The same server, model and body; the second way adds the cloud's HTTP, its check of the signature and of the caller's
rights, the choice of an instance, and the measures. It is this cloud's layer, not AWS's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.results import publish
from benchmarks.serving import ENVIRONMENT
from benchmarks.serving_cloud import platform
from benchmarks.serving_models import NAME, TOKENS, Classifier
from ml_contract.archive import pack
from trainyard.load.generator import Level, fire
from trainyard.load.request import Plain, Signed, Source
from trainyard.local.hosting import loopback
from trainyard.tune.server import free_port, running

LEVELS = (1, 8, 32)


def measure(rounds: int, seconds: float) -> list[dict[str, Any]]:
    """A row for each concurrency: medians of the rounds, in which both ways take turns."""
    tensor = {"name": "tokens", "datatype": "INT64", "shape": [1, TOKENS], "data": [1] * TOKENS}
    body = json.dumps({"inputs": [tensor]}).encode()
    with tempfile.TemporaryDirectory() as scratch:
        repository = Classifier(width=64).write(Path(scratch, "model"))
        pack(repository, Path(scratch, "model.tar.gz"))
        archive = Path(scratch, "model.tar.gz").read_bytes()
        port = free_port()
        arguments = ("--allow-sagemaker=true", f"--sagemaker-port={port}", f"--load-model={NAME}")
        # The port of SageMaker's endpoint knows no address.
        variables = {"LD_PRELOAD": str(loopback.library(Path(scratch))), "SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": NAME}
        with (
            platform() as cloud,
            running(ENVIRONMENT, repository, Path(scratch), arguments=arguments, variables=variables),
        ):
            cloud.endpoint("layer", {"model.tar.gz": archive}, many=False, variables={})
            ways: dict[str, Source] = {
                "direct": Plain(url=f"http://127.0.0.1:{port}/invocations", body=body),
                "cloud": Signed(connection=cloud.connection, endpoint="layer", body=body),
            }
            found: dict[tuple[str, int], list[Level]] = {}
            for source in ways.values():
                fire(source.request(), LEVELS[-1], 1)
            for _ in range(rounds):
                for level in LEVELS:
                    for way, source in ways.items():
                        measured = fire(source.request(), level, seconds)
                        assert not measured.failed, (way, measured.troubles)
                        found.setdefault((way, level), []).append(measured)
    return [_row(level, found["direct", level], found["cloud", level]) for level in LEVELS]


def _row(level: int, direct: list[Level], cloud: list[Level]) -> dict[str, Any]:
    rates = [statistics.median(each.throughput for each in way) for way in (direct, cloud)]
    middle = [1000 * statistics.median(each.p50 for each in way) for way in (direct, cloud)]
    tail = [1000 * statistics.median(each.p99 for each in way) for way in (direct, cloud)]
    return {
        "at once": level,
        "direct/s": round(rates[0]),
        "cloud/s": round(rates[1]),
        "cloud/direct": rates[1] / rates[0],
        "direct p50 ms": middle[0],
        "cloud p50 ms": middle[1],
        "added ms": middle[1] - middle[0],
        "direct p99 ms": tail[0],
        "cloud p99 ms": tail[1],
    }


def main() -> int:
    """Both ways."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2, help="of a level")
    given = parser.parse_args()
    notes = f"the same Triton, model and body; medians of {given.rounds} rounds of {given.seconds} s"
    publish("serving-layer", measure(given.rounds, given.seconds), notes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
