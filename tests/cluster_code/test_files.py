"""What may be in the folder that goes to a node, and that it agrees with the contract."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest

from cluster_code import LIFECYCLE
from constructs_lib.observability.exporters import GPU
from ml_contract.clusters import places
from ml_contract.clusters.exporters import NODES, PORTS
from ml_contract.clusters.nodes import NODE_TYPES
from ml_contract.clusters.steps import BY_NAME, STEPS, LifecycleExit
from ml_contract.prometheus import FOLDER

PROGRAMS = sorted(path.relative_to(LIFECYCLE).as_posix() for path in LIFECYCLE.rglob("*.py"))
SCRIPTS = sorted(LIFECYCLE.rglob("*.sh"))
RUNNER = (LIFECYCLE / "lib" / "runner.sh").read_text()
EXPORTERS = (LIFECYCLE / "steps" / "start-exporters.sh").read_text()


def test_shellcheck_has_nothing_to_say():
    folders = [f"--source-path={LIFECYCLE / part}" for part in (".", "steps", "files")]
    said = subprocess.run(
        ["shellcheck", "--external-sources", *folders, *map(str, SCRIPTS)], capture_output=True, text=True
    ).stdout
    assert not said, said


def test_a_step_is_a_file_and_a_file_is_a_step():
    assert sorted(BY_NAME) == sorted(path.stem for path in (LIFECYCLE / "steps").iterdir())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.relative_to(LIFECYCLE).as_posix())
def test_nothing_is_downloaded(script):
    for number, line in enumerate(script.read_text().splitlines(), 1):
        code = line.split("#", 1)[0]
        found = re.search(r"\b(curl|wget|git|pip3?|apt(-get)?|yum|dnf|snap|ansible)\s|https?://", code)
        assert not found, f"{script.name}:{number}: {line}"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.relative_to(LIFECYCLE).as_posix())
def test_nothing_writes_what_a_command_says_into_the_log(script):
    # Values, secrets among them, would be in CloudWatch.
    assert not re.search(r"^\s*set -[a-z]*x|bash -x", script.read_text(), re.MULTILINE)


def test_the_programs_of_a_step_are_declared():
    """What check-image looks for is what the steps call."""
    special = {"nvidia-smi", "chronyc", "sshd", "aws", "enroot", "findmnt", "useradd", "groupadd"}
    for step in STEPS:
        text = re.sub(r"#.*|'[^']*'|\"[^\"]*\"", "", (LIFECYCLE / "steps" / f"{step.name}.sh").read_text())
        called = {word for word in special if re.search(rf"(^|[\s|(;!]){word}\s", text, re.MULTILINE)}
        allowed = set(step.commands) | ({"aws"} if step.name == "start-exporters" else set())
        assert called <= allowed, step.name


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_node_reads_with_python_3_8_and_its_standard_library(program):
    source = (LIFECYCLE / program).read_text()
    tree = ast.parse(source, feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names
    newer = {"removeprefix", "removesuffix", "pairwise", "zoneinfo", "tomllib", "graphlib"}
    assert not newer & {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} | newer & imported
    unions = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)]
    assert not unions


def test_exit_codes_are_those_of_the_contract():
    told = dict(re.findall(r"^EXIT_(\w+)=(\d+)$", RUNNER, re.MULTILINE))
    assert {name: int(code) for name, code in told.items()} == {
        code.name: code.value for code in LifecycleExit if code is not LifecycleExit.SUCCESS
    }


def test_places_are_those_of_the_contract():
    told = (LIFECYCLE / "lib" / "places.sh").read_text()
    for name, value in (("STATE", places.STATE_FOLDER), ("LOG", places.LOG_FILE), ("INSTALLED", places.INSTALLED),
                        ("SLURM", places.SLURM_FOLDER)):  # fmt: skip
        assert f"\n{name}={value}\n" in told
    assert (LIFECYCLE / places.ENTRY).is_file()
    assert f"{places.STATE_FOLDER}/done" == places.DONE


@pytest.mark.parametrize("name", PORTS)
def test_exporters_listen_where_prometheus_asks(name):
    assert re.search(rf"[ {{]{name}\) echo {PORTS[name]} ;;", EXPORTERS)


@pytest.mark.parametrize("name", NODES)
def test_exporters_run_where_the_contract_says(name):
    where = NODES[name]
    expected = "true" if where == NODE_TYPES else f"[[ $NODE_TYPE == {where[0]} ]] &&"
    assert re.search(rf"^    {name}\) {re.escape(expected)} ", EXPORTERS, re.MULTILINE)


def test_figures_lie_where_jobs_and_the_exporter_look():
    assert f"\nMETRICS={FOLDER}\n" in (LIFECYCLE / "lib" / "places.sh").read_text()
    assert f"\nMETRICS={FOLDER}\n" in (LIFECYCLE / "files" / "epilog.sh").read_text()


def test_the_fields_of_gpus_are_those_that_somebody_looks_at():
    rows = [row.split(", ") for row in (LIFECYCLE / "files" / "counters.csv").read_text().splitlines()[1:]]
    assert {name for name, *_ in rows} == GPU.metrics
    assert {kind for _, kind, _ in rows} == {"gauge", "counter"}
