"""What runs on GitHub: that it is safe, and that what it calls is there."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from workflow_files import ACTIONS, GITHUB, ROOT, WORKFLOWS, Step, jobs, load, steps

BIN = Path(sys.executable).parent


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)


def test_zizmor_finds_nothing() -> None:
    done = run("zizmor", "--offline", "--no-progress", "--quiet", GITHUB)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("schema", "files"), [("workflows", WORKFLOWS), ("actions", ACTIONS)])
def test_files_are_what_github_takes(schema: str, files: list[Path]) -> None:
    done = run("check-jsonschema", "--builtin-schema", f"vendor.github-{schema}", *files)
    assert done.returncode == 0, done.stdout + done.stderr


def test_actions_of_others_are_pinned_by_commit_and_say_the_version() -> None:
    lines = [line.strip() for file in (*WORKFLOWS, *ACTIONS) for line in file.read_text().splitlines()]
    foreign = [line for line in lines if "uses: " in line and not re.search(r"uses: [.$]/", line)]
    pinned = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
    assert foreign
    assert [line for line in foreign if not pinned.search(line)] == []


def test_one_action_has_one_version() -> None:
    used = {step.definition["uses"] for step in steps() if "uses" in step.definition}
    names = [use.partition("@")[0] for use in used]
    assert len(names) == len(set(names))


def test_own_actions_and_workflows_are_there() -> None:
    own = {use for file in WORKFLOWS for use in re.findall(r"uses: [.$]/(\S+)", file.read_text())}
    assert own
    assert [use for use in own if not ((ROOT / use).is_file() or (ROOT / use / "action.yml").is_file())] == []


def test_no_job_may_more_than_it_says_and_all_end() -> None:
    for file in WORKFLOWS:
        assert load(file)["permissions"] in ({}, {"contents": "read"}), file.name
        for name, job in jobs(file).items():
            assert "permissions" in job or file.name == "check.yml", f"{file.name} {name}"
            assert "timeout-minutes" in job or "uses" in job, f"{file.name} {name}"


def test_only_jobs_in_an_environment_ask_for_an_identity() -> None:
    """An account trusts environments alone; the one job beside signs the artifact."""
    asking = {
        (file.name, name)
        for file in WORKFLOWS
        for name, job in jobs(file).items()
        if job.get("permissions", {}).get("id-token") == "write" and "uses" not in job and "environment" not in job
    }
    assert asking == {("deploy.yml", "synth")}


def test_no_pull_request_asks_for_an_identity() -> None:
    for file in WORKFLOWS:
        events = load(file)[True]  # YAML takes `on` for a truth value
        assert "pull_request_target" not in events
        if "pull_request" in events:
            assert all("id-token" not in job.get("permissions", {}) for job in jobs(file).values()), file.name


@pytest.mark.slow
def test_the_account_trusts_what_the_workflows_are() -> None:
    from environments import ENVIRONMENTS

    delivered = {one.name: one.delivery for one in ENVIRONMENTS if one.delivery}
    called = {
        job["with"]["environment"]: job for job in jobs(GITHUB / "workflows/deploy.yml").values() if "uses" in job
    }
    nights = {row["environment"]: row for row in
              jobs(GITHUB / "workflows/drift.yml")["drift"]["strategy"]["matrix"]["include"]}  # fmt: skip
    assert set(delivered) == set(called) == set(nights)
    for name, github in delivered.items():
        assert (github.deploys, github.looks, github.branch) == (name, f"{name}-look", "main")
        assert called[name]["uses"] == f"./.github/workflows/{github.workflow}"
        assert called[name]["with"]["stage"] == nights[name]["stage"] == name.capitalize()
    places = jobs(GITHUB / "workflows/deliver.yml")
    assert places["deploy"]["environment"] == "${{ inputs.environment }}"
    assert places["look"]["environment"] == "${{ inputs.environment }}-look"


@pytest.mark.slow
def test_a_session_lasts_as_long_as_the_job() -> None:
    from environments import PROD

    job = jobs(GITHUB / "workflows/deliver.yml")["deploy"]
    (asked,) = {step["with"]["role-duration-seconds"] for step in job["steps"]
                if "role-duration-seconds" in step.get("with", {})}  # fmt: skip
    assert PROD.delivery
    assert asked == PROD.delivery.session_hours * 3600
    assert job["timeout-minutes"] * 60 < asked


def called(program: str) -> list[tuple[Step, list[str]]]:
    """Arguments of each call of a program, wherever it lies."""
    return [
        (step, words[place + 1 :])
        for step in steps()
        for words in step.commands()
        for place, word in enumerate(words)
        if word.rpartition("/")[2] == program
    ]


def test_every_trainyard_command_is_there_with_its_options() -> None:
    from trainyard.cli.app import app

    calls = called("trainyard")
    assert len(calls) >= 7
    for step, arguments in calls:
        command: Any = typer.main.get_command(app)
        rest = list(arguments)
        while hasattr(command, "commands") and rest:
            # `trainyard cost cdk.out` is `trainyard cost estimate cdk.out`.
            name = rest.pop(0) if rest[0] in command.commands else "estimate"
            command = command.commands[name]
        known = {option for parameter in command.params for option in parameter.opts}
        used = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert used <= known, f"{step.file.name}: {step.name}: {used - known}"


def test_every_make_target_is_there() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*)(?: [a-z-]+)*:", (ROOT / "Makefile").read_text(), re.MULTILINE))
    targets |= {name for line in re.findall(r"^([a-z][a-z -]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
                for name in line.split()}  # fmt: skip
    used = {word for _, words in called("make") for word in words if re.fullmatch(r"[a-z-]+", word) and word[0] != "-"}
    assert used >= {"setup-deploy", "setup-test", "synth"}
    assert used - targets - {"base", "head"} == set()


def test_scripts_that_steps_start_are_there() -> None:
    scripts = {
        word for step in steps() for words in step.commands() for word in words if word.endswith((".sh", ".ci/run"))
    }
    assert scripts >= {".ci/run", ".github/actions/account.sh"}
    assert [script for script in scripts if not (ROOT / script).is_file()] == []
