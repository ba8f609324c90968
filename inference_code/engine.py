"""The engine step of a pipeline: builds TensorRT engines with trtexec, in the image and on the type that serve them.

Reads processing input ``repository`` (the Package step's model.tar.gz), whose manifest says what to build, and writes
processing output ``repository``, in which engines stand for graphs. Needs the standard library and the image's trtexec.
Run as ``python -m inference_code.engine``. Tests run it with a program that stands in for trtexec; it was never
executed on a GPU.

Options of trtexec and the lines of its log: NVIDIA/TensorRT, samples/trtexec, and "Migrating trtexec Usage from
TensorRT 10.x to 11.x", NVIDIA TensorRT documentation, read 2026-11.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ml_contract.archive import pack, unpack
from ml_contract.errors import ContractError, reject
from ml_contract.exit_codes import ExitCode
from ml_contract.manifest import ArtifactManifest
from ml_contract.packaging import ARCHIVE
from ml_contract.packaging.engine import ENGINES, PLAN, BuiltEngine, EngineOrder, TensorRtEngine
from ml_contract.paths import ContainerPaths

_USUAL_PLACE = "/usr/src/tensorrt/bin"
_STRONGLY_TYPED = 11
"""First version of TensorRT without flags of precision."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Host:
    """What builds."""

    trtexec: Path
    instance_type: str
    image: str
    device: str
    compute_capability: str

    @classmethod
    def find(cls, paths: ContainerPaths, environment: Mapping[str, str]) -> Host:
        """This container's host.

        Raises:
            ContractError: There is no trtexec or no GPU, or SageMaker did not say what the job is.
        """
        try:
            job = json.loads(paths.processing_job.read_text())
            kind = job["ProcessingResources"]["ClusterConfig"]["InstanceType"]
            image = job["AppSpecification"]["ImageUri"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            reject(str(paths.processing_job), f"{type(error).__name__}: {error}", "it says which type and image run",
                   "Run this as a processing job.")  # fmt: skip
        path = f"{environment.get('PATH', os.defpath)}:{_USUAL_PLACE}"
        trtexec = shutil.which("trtexec", path=path)
        if trtexec is None:
            reject("trtexec", None, f"{image} has no such program on {path}",
                   "Run the step in an image with TensorRT, such as the one of the endpoint.")  # fmt: skip
        device, capability = _gpu(environment, kind)
        return cls(trtexec=Path(trtexec), instance_type=kind, image=image, device=device, compute_capability=capability)


def build(repository: Path, host: Host) -> ArtifactManifest:
    """Put engines in the place of the graphs that ``repository``'s manifest orders.

    Returns:
        The repository's new manifest, which is written too.

    Raises:
        ContractError: Nothing is ordered, the host is of another type, or trtexec fails.
    """
    manifest = ArtifactManifest.read(repository)
    manifest.verify(repository)
    orders = {name: EngineOrder.from_json(raw) for name, raw in manifest.packaging.get(ENGINES, {}).items()}
    if not orders:
        reject(f"packaging.{ENGINES}", None, "the repository orders no engine",
               "Package with backend 'tensorrt', or leave this step out.")  # fmt: skip
    for name, order in orders.items():
        if order.engine.instance_type != host.instance_type:
            reject("instance_type", host.instance_type, f"the engine of {name} is for {order.engine.instance_type}",
                   "Run the step on that type: an engine runs on the GPU that built it.")  # fmt: skip
    version = _version(host)
    done = {}
    for name, order in orders.items():
        built = _build(repository, order, host, version)
        done[name] = {**order.to_json(), "built": built.to_json()}
        print(f"engine: {name} for {built.device} ({built.compute_capability}), TensorRT {built.tensorrt}", flush=True)
    described = ArtifactManifest.describe(
        repository, workload=manifest.workload, signature=manifest.signature, metrics=manifest.metrics,
        provenance=manifest.provenance, parts=manifest.parts, packaging={**manifest.packaging, ENGINES: done},
    )  # fmt: skip
    described.write(repository)
    return described


def command(trtexec: Path, graph: Path, plan: Path, order: EngineOrder) -> list[str]:
    """The command line that builds one engine."""
    return [
        str(trtexec), f"--onnx={graph}", f"--saveEngine={plan}",
        *(f"--{name}={value}" for name, value in order.shapes.items()),
        f"--memPoolSize=workspace:{order.engine.workspace_mib}", "--skipInference",
        *(["--fp16"] if order.engine.precision == "fp16" else []),
    ]  # fmt: skip


def _build(repository: Path, order: EngineOrder, host: Host, version: str) -> BuiltEngine:
    _check_precision(order.engine, version)
    graph = repository / order.graph
    plan = graph.with_name(PLAN)
    log = _run(command(host.trtexec, graph, plan, order))
    if not plan.is_file() or not plan.stat().st_size:
        reject("trtexec", 0, f"it ended well and wrote no {PLAN}", "Read its log above.")
    found = re.search(r"Compute Capability: ([0-9.]+)", log)
    if found and found[1] != host.compute_capability:
        reject("compute_capability", found[1], f"nvidia-smi says {host.compute_capability}",
               "Build on a type with one kind of GPU.")  # fmt: skip
    for file in graph.parent.glob("*.onnx*"):
        file.unlink()
    return BuiltEngine(
        instance_type=host.instance_type, image=host.image, tensorrt=version, device=host.device,
        compute_capability=host.compute_capability, precision=order.engine.precision,
    )  # fmt: skip


def _version(host: Host) -> str:
    """TensorRT's version as trtexec tells it first: 10.16.2 is v101602, and 8.4.2 is v8402."""
    done = subprocess.run([host.trtexec, "--help"], capture_output=True, text=True, check=False)
    found = re.search(r"\[TensorRT v(\d+)\]", done.stdout + done.stderr)
    if found is None:
        reject(str(host.trtexec), (done.stdout + done.stderr)[:80], "its first line tells TensorRT's version",
               "Use trtexec of the image's TensorRT.")  # fmt: skip
    number, unit = int(found[1]), 10_000 if int(found[1]) >= 100_000 else 1000
    return f"{number // unit}.{number % unit // 100}.{number % 100}"


def _check_precision(engine: TensorRtEngine, version: str) -> None:
    if engine.precision == "fp16" and int(version.partition(".")[0]) >= _STRONGLY_TYPED:
        reject("engine.precision", engine.precision, f"TensorRT {version} takes number formats from the graph alone",
               "Give 'graph', and export the graph in 16 bits.")  # fmt: skip


def _gpu(environment: Mapping[str, str], kind: str) -> tuple[str, str]:
    query = ["nvidia-smi", "--query-gpu=name,compute_cap", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, env=dict(environment), capture_output=True, text=True, check=True)
        name, _, capability = done.stdout.splitlines()[0].rpartition(", ")
    except (OSError, subprocess.CalledProcessError, IndexError) as error:
        reject("gpu", f"{type(error).__name__}: {error}", f"nvidia-smi sees no GPU on {kind}",
               "Run the step on a type with an NVIDIA GPU, in an image with its driver's tools.")  # fmt: skip
    return name, capability


def _run(arguments: list[str]) -> str:
    """Run trtexec with its log on standard output, and give the log."""
    lines = []
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        errors = [line.strip() for line in lines if "[E]" in line] or [line.strip() for line in lines if line.strip()]
        said = errors[-1] if errors else "nothing"
        reject("trtexec", process.returncode, f"it must end with 0, and said: {said}",
               "Read its log: an operator that TensorRT lacks keeps its model on onnxruntime.")  # fmt: skip
    return "".join(lines)


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Run the step; the exit status."""
    paths = ContainerPaths.from_environment(environment)
    try:
        host = Host.find(paths, environment)
        with tempfile.TemporaryDirectory() as scratch:
            repository = Path(scratch)
            unpack(paths.processing_input("repository") / ARCHIVE, repository)
            build(repository, host)
            pack(repository, paths.processing_output("repository") / ARCHIVE)
    except (ContractError, OSError) as error:
        print(f"engine: {error}", file=sys.stderr)
        # SageMaker shows this file's first kilobyte as the processing job's ExitMessage.
        paths.exit_message.parent.mkdir(parents=True, exist_ok=True)
        paths.exit_message.write_text(str(error))
        return ExitCode.CONTRACT_BROKEN if isinstance(error, ContractError) else 1
    return ExitCode.SUCCESS


if __name__ == "__main__":
    sys.exit(main())
