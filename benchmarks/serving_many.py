"""Many models behind one endpoint: what the first request to a model waits for, a later one, and one after eviction.

Each model reserves a tenth of the container's shared memory, so ten fit: with more, every model that comes takes the
longest unused one's place. One client, one request after the other, on the embedded cloud.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.results import publish
from benchmarks.serving_cloud import Platform, platform
from benchmarks.serving_models import CLASSES, TOKENS, Classifier
from ml_contract.archive import pack
from trainyard.operations.inference import invoke

COUNTS = (10, 50, 100)
FIT = 10
# /dev/shm of an ml.c5.large, half of its 4 GiB; a region is a little more than what it is asked for.
_REGION = str(2 * 2**30 // FIT - 2**23)
_LATER = 20
"""Models of the second pass."""


def measure(count: int, archive: bytes, cloud: Platform) -> dict[str, Any]:
    """A row: medians in milliseconds."""
    names = [f"model-{number}.tar.gz" for number in range(count)]
    endpoint = f"many-{count}"
    variables = {"SAGEMAKER_TRITON_SHM_DEFAULT_BYTE_SIZE": _REGION}
    cloud.endpoint(endpoint, dict.fromkeys(names, archive), many=True, variables=variables)
    tensor = {"name": "tokens", "datatype": "INT64", "shape": [1, TOKENS], "data": [1] * TOKENS}
    body = json.dumps({"inputs": [tensor]}).encode()

    def asked(name: str) -> float:
        began = time.perf_counter()
        answer = invoke(cloud.connection, endpoint, body, "application/json", {"TargetModel": name})
        took = time.perf_counter() - began
        assert len(json.loads(answer.body)["outputs"][0]["data"]) == CLASSES
        return 1000 * took

    first, again = [], []
    for number, name in enumerate(names):
        print(f"{count} models: {number + 1}", end="\r", file=sys.stderr, flush=True)
        first.append(asked(name))
        again.append(asked(name))
    later = [asked(name) for name in names[:_LATER]]
    cloud.connection.client("sagemaker").delete_endpoint(EndpointName=endpoint)
    room, evicting = first[:FIT], first[FIT:]
    return {
        "models": count,
        "first request ms": statistics.median(room),
        "first, evicting ms": statistics.median(evicting) if evicting else "–",
        "next request ms": statistics.median(again),
        "second pass ms": statistics.median(later),
        "second pass, worst ms": max(later),
        "first/next": statistics.median(room) / statistics.median(again),
    }


def main() -> int:
    """Every count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--counts", default=",".join(map(str, COUNTS)), help="models behind the endpoint")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, platform() as cloud:
        pack(Classifier(width=64).write(Path(scratch, "model")), Path(scratch, "model.tar.gz"))
        archive = Path(scratch, "model.tar.gz").read_bytes()
        found = [measure(int(count), archive, cloud) for count in given.counts.split(",")]
    publish("serving-many", found, f"{FIT} models fit; the second pass asks the first {_LATER} of them again")
    return 0


if __name__ == "__main__":
    sys.exit(main())
