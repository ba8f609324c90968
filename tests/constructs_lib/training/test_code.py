"""Code as one archive whose hash depends on nothing but its content."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.training.code import check_module, files, pack, package_folder
from ml_contract.entrypoint import entrypoint
from ml_contract.errors import ContractError


def names(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return tar.getnames()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "thing"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "inner" / "run.py").write_text("print('hello')\n")
    return folder


def test_content_alone_decides(package: Path, tmp_path: Path) -> None:
    before = pack({"thing": package})
    other = tmp_path / "elsewhere" / "thing"
    subprocess.run(["cp", "-r", str(package), str(other.parent.with_name("elsewhere"))], check=True)
    other = tmp_path / "elsewhere"
    for path in other.rglob("*"):
        path.chmod(0o777)
        os.utime(path, (1, 1))
    (other / "__pycache__").mkdir()
    (other / "__pycache__" / "run.cpython-311.pyc").write_bytes(b"cache")
    (other / ".DS_Store").write_bytes(b"hidden")
    assert pack({"thing": other}) == before


def test_another_content_is_another_hash(package: Path) -> None:
    _, before = pack({"thing": package})
    (package / "inner" / "run.py").write_text("print('goodbye')\n")
    assert pack({"thing": package})[1] != before


def test_packages_lie_at_the_root_in_order(package: Path) -> None:
    archive, _ = pack({"thing": package, "another": package})
    assert names(archive) == ["another/__init__.py", "another/inner/run.py", "thing/__init__.py", "thing/inner/run.py"]


@given(content=st.dictionaries(st.from_regex(r"[a-z]{1,8}\.py", fullmatch=True), st.binary(max_size=50), max_size=6))
def test_what_is_packed_is_what_is_unpacked(
    content: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("package")
    for name, data in content.items():
        (folder / name).write_bytes(data)
    archive, _ = pack({"p": folder})
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = {name.removeprefix("p/"): tar.extractfile(name).read() for name in tar.getnames()}
    assert found == content


def test_a_package_that_is_not_installed_is_refused() -> None:
    with pytest.raises(ContractError, match=r"^packages: got 'training_cod', but no package of that name is installed"):
        package_folder("training_cod")


def test_a_program_must_be_in_the_packages() -> None:
    folders = {name: package_folder(name) for name in ("ml_contract", "training_code")}
    check_module("training_code.launcher", folders)
    check_module("training_code.launcher.command", folders)
    for module in ("training_code.launch", "inference_code.package", "training_code"):
        with pytest.raises(ContractError, match=rf"^module: got '{module}', but the packed packages"):
            check_module(module, folders)


def test_the_entrypoint_unpacks_and_runs_the_program(package: Path, tmp_path: Path) -> None:
    command, environment = unpacked(package, tmp_path, "thing.inner.run")
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout == "hello\n"


def test_a_programs_exit_code_is_the_containers(package: Path, tmp_path: Path) -> None:
    (package / "fail.py").write_text("import os, sys; sys.exit(7 if os.getpid() != 1 else 0)\n")
    command, environment = unpacked(package, tmp_path, "thing.fail")
    assert subprocess.run(command, env=environment, check=False).returncode == 7


def test_a_signal_before_the_program_can_hear_it_ends_the_container(package: Path, tmp_path: Path) -> None:
    (package / "run.py").write_text("import time; time.sleep(60)\n")
    command, environment = unpacked(package, tmp_path, "thing.run")
    pipe = tmp_path / "ml/input/data/code/0123.tgz"
    pipe.unlink()
    os.mkfifo(pipe)
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    # The writer's open returns when tar reads: PID 1 waits for it.
    with pipe.open("wb"):
        process.terminate()
        assert process.wait(5) == 143


def test_a_signal_reaches_the_program_which_ends_in_its_own_time(package: Path, tmp_path: Path) -> None:
    (package / "run.py").write_text(
        # A handler may come in the middle of print, which cannot begin again there.
        "import os, signal, sys, time\n"
        "def stop(*_):\n    os.write(1, b'saving\\n')\n    time.sleep(0.3)\n    sys.exit(3)\n"
        "signal.signal(signal.SIGTERM, stop)\nprint('ready', flush=True)\ntime.sleep(60)\n"
    )
    command, environment = unpacked(package, tmp_path, "thing.run")
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    assert process.stdout.readline() == "saving\n"
    # A second signal does not cut the program's farewell short.
    process.terminate()
    assert process.wait(5) == 3


def unpacked(package: Path, folder: Path, module: str) -> tuple[list[str], dict[str, str]]:
    """The entrypoint of a module of the package, and the environment of its container."""
    channel = folder / "ml" / "input" / "data" / "code"
    channel.mkdir(parents=True)
    (channel / "0123.tgz").write_bytes(pack({"thing": package})[0])
    return entrypoint(module, archive_folder="input/data/code"), {
        **os.environ,
        "SAGEMAKER_BASE_DIR": str(folder / "ml"),
    }


def test_an_entrypoint_without_code_fails(tmp_path: Path) -> None:
    command = entrypoint("thing.run", archive_folder="input/data/code")
    environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(tmp_path / "ml")}
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode != 0


def test_an_entrypoint_keeps_within_sagemakers_limit() -> None:
    assert (
        max(map(len, entrypoint("training_code.workloads.arr_coc.evaluate", archive_folder="processing/input/code")))
        <= 256
    )
    with pytest.raises(ContractError, match=r"^module: .* SageMaker takes 256. Shorten the module's name"):
        entrypoint("a" * 257, archive_folder="input/data/code")


def test_no_cache_is_ever_packed() -> None:
    packed = list(files(package_folder("ml_contract")))
    assert packed == sorted(packed)
    assert all("__pycache__" not in path.parts for path in packed)
