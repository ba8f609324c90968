"""The model server: NVIDIA Triton as the pytriton wheel carries it, run as SageMaker's Triton image runs it.

How the image starts the server: triton-inference-server/server, docker/sagemaker/serve, read 2026-11. The wheel has
Triton 2.51 (24.10), older than the images of production, with one backend, python.
"""

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PORT = 8080
"""Where SageMaker expects a container to listen."""
METRICS_PORT = 8002
"""Where the server tells its metrics, on the container's own loopback: Triton's default."""
METRICS_PORT_VARIABLE = "TRAINYARD_TRITON_METRICS_PORT"
"""Variable of the container that names another, where containers share the machine's network."""
DEFAULT_MODEL = "SAGEMAKER_TRITON_DEFAULT_MODEL_NAME"
_PACKAGE = Path("pytriton") / "tritonserver"
_LIBRARIES = "nvidia_pytriton.libs"
_SYSTEM_LIBRARIES = (Path("/usr/lib"), Path("/usr/local/lib"), Path("/lib"))

_ASK = """
import json, sys, sysconfig
get = sysconfig.get_config_var
print(json.dumps({
    "packages": sysconfig.get_path("purelib"),
    "version": "%d.%d" % sys.version_info[:2],
    "folders": [get("LIBDIR"), get("LIBPL"), sys.base_prefix + "/lib"],
    "multiarch": get("MULTIARCH"),
}))
"""

# Variable of the container → the server's option that it sets, as the image's start script has it.
_OPTIONS = {
    "SAGEMAKER_BIND_TO_PORT": "--sagemaker-port={}",
    "SAGEMAKER_SAFE_PORT_RANGE": "--sagemaker-safe-port-range={}",
    "SAGEMAKER_TRITON_BUFFER_MANAGER_THREAD_COUNT": "--buffer-manager-thread-count={}",
    "SAGEMAKER_TRITON_THREAD_COUNT": "--sagemaker-thread-count={}",
    "SAGEMAKER_TRITON_LOG_VERBOSE": "--log-verbose={}",
    "SAGEMAKER_TRITON_LOG_INFO": "--log-info={}",
    "SAGEMAKER_TRITON_LOG_WARNING": "--log-warning={}",
    "SAGEMAKER_TRITON_LOG_ERROR": "--log-error={}",
    "SAGEMAKER_TRITON_SHM_DEFAULT_BYTE_SIZE": "--backend-config=python,shm-default-byte-size={}",
    "SAGEMAKER_TRITON_SHM_GROWTH_BYTE_SIZE": "--backend-config=python,shm-growth-byte-size={}",
    "SAGEMAKER_TRITON_DISABLE_MODEL_NAMESPACING": "--model-namespacing={}",
}
_DEFAULTS = {
    "SAGEMAKER_TRITON_SHM_DEFAULT_BYTE_SIZE": "16777216",
    "SAGEMAKER_TRITON_SHM_GROWTH_BYTE_SIZE": "1048576",
    "SAGEMAKER_TRITON_DISABLE_MODEL_NAMESPACING": "true",
}


class ServerError(Exception):
    """The model server cannot be run, or a repository cannot be served; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class TritonServer:
    """A model server that is ready to run."""

    program: Path
    """The binary."""
    backends: Path
    """Folder of its backends."""
    library_path: str
    """LD_LIBRARY_PATH: the wheel's libraries and the folder of the shared libpython."""

    def command(self, repository: str, variables: Mapping[str, str]) -> list[str]:
        """The command line for a repository, a path as the container sees it.

        Args:
            repository: folder of the model's folder; an empty one where models come later.
            variables: the container's environment, which sets options as it does in the image.
        """
        settings = {**_DEFAULTS, **variables}
        given = [option.format(settings[name]) for name, option in _OPTIONS.items() if settings.get(name)]
        return [
            str(self.program),
            "--allow-sagemaker=true",
            "--allow-grpc=false",
            "--allow-http=false",
            "--metrics-address=127.0.0.1",
            f"--metrics-port={variables.get(METRICS_PORT_VARIABLE, METRICS_PORT)}",
            "--allow-gpu-metrics=false",
            "--allow-cpu-metrics=false",
            "--model-control-mode=explicit",
            # Whoever ends a server has waited for its answers: unloading its models then is two seconds for nothing.
            "--exit-timeout-secs=0",
            f"--backend-directory={self.backends}",
            f"--model-repository={repository}",
            *([f"--load-model={variables[DEFAULT_MODEL]}"] if variables.get(DEFAULT_MODEL) else []),
            *given,
        ]


def triton_server(environment: Path, folder: Path) -> TritonServer:
    """Puts together a server from a Python environment that holds the pytriton wheel.

    Args:
        environment: the environment; its Python runs the models of the python backend.
        folder: where the folder of backends is laid out, once for each environment.

    Raises:
        ServerError: a part is missing.
    """
    facts = _facts(environment)
    packages, version = Path(facts["packages"]), facts["version"]
    wheel = packages / _PACKAGE
    program = wheel / "bin" / "tritonserver"
    stub = wheel / "python_backend_stubs" / version / "triton_python_backend_stub"
    if not program.exists():
        raise ServerError(f"{environment} has no tritonserver (package nvidia-pytriton). Run `make setup`.")
    if not stub.exists():
        known = ", ".join(sorted(path.name for path in stub.parents[1].iterdir()))
        raise ServerError(
            f"the model server's python backend has no stub for Python {version} of {environment}, only for {known}. "
            "Set the environment up with one of these: make setup PYTHON=/path/to/python."
        )
    library_path = f"{packages / _LIBRARIES}:{_libpython(facts)}"
    return TritonServer(program=program, backends=_backends(wheel, stub, folder), library_path=library_path)


def default_model(repository: Path, variables: Mapping[str, str]) -> str:
    """The model that a single-model container serves: the one it is told, or the only one there is.

    Raises:
        ServerError: in the words of the image's start script.
    """
    if (repository / "config.pbtxt").exists():
        raise ServerError(
            "Incorrect directory structure. Model directory needs to contain the top level folder: put config.pbtxt "
            "into MODEL/config.pbtxt of model.tar.gz"
        )
    names = sorted(path.name for path in repository.iterdir() if path.is_dir())
    name = variables.get(DEFAULT_MODEL)
    if name:
        if name not in names:
            raise ServerError(
                f"Directory with provided {DEFAULT_MODEL} {name} does not exist: model.tar.gz has {', '.join(names)}"
            )
        return name
    if not names:
        raise ServerError("No model found in model repository: model.tar.gz has no folder")
    if len(names) > 1:
        raise ServerError(
            "More than 1 model directory found in model repository. Either provide a single directory or set "
            f"{DEFAULT_MODEL} to run the ensemble backend. Directories found: {', '.join(names)}"
        )
    return names[0]


def _facts(environment: Path) -> dict[str, str]:
    python = environment / "bin" / "python"
    try:
        done = subprocess.run([python, "-I", "-c", _ASK], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise ServerError(f"{python} does not run ({error}). Run `make setup`.") from error
    facts: dict[str, str] = json.loads(done.stdout)
    return facts


def _libpython(facts: Mapping[str, object]) -> Path:
    """The folder of the shared libpython that the stub is linked against."""
    name = f"libpython{facts['version']}.so.1.0"
    given = facts["folders"]
    assert isinstance(given, list)
    folders = [Path(folder) for folder in given if folder]
    system = [folder / str(facts["multiarch"]) for folder in _SYSTEM_LIBRARIES if facts["multiarch"]]
    for folder in [*folders, *system, *_SYSTEM_LIBRARIES]:
        if (folder / name).exists():
            return folder
    raise ServerError(
        f"the model server's python backend needs {name}, which is in none of {', '.join(map(str, folders))}: this "
        f"Python was built without a shared library. Install it (Debian: libpython{facts['version']}), or set the "
        "environment up with a Python that has it: make setup PYTHON=/path/to/python."
    )


def _backends(wheel: Path, stub: Path, folder: Path) -> Path:
    """Lays backends/python out: the backend and the stub of one Python version in one folder, as the server wants."""
    sources = [*sorted((wheel / "backends" / "python").iterdir()), stub]
    mark = "\n".join(f"{source} {source.stat().st_size} {source.stat().st_mtime_ns}" for source in sources)
    target = folder / f"backends-{hashlib.sha256(mark.encode()).hexdigest()[:12]}"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=folder))
    (unfinished / "python").mkdir()
    for source in sources:
        shutil.copy2(source, unfinished / "python" / source.name)
    try:
        unfinished.rename(target)
    except OSError:
        # Another thread was quicker.
        shutil.rmtree(unfinished, ignore_errors=True)
    return target
