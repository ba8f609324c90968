"""Every failure is one line that says what to do, and a status that is not 0."""

import http.server
import subprocess
import sys
import threading
from pathlib import Path

import ports
import pytest

from trainyard.cli import main
from trainyard.cli.parameters import pairs, seconds


@pytest.fixture
def free_port() -> int:
    return ports.free_port()


def fail(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, int]:
    monkeypatch.setattr(sys, "argv", ["trainyard", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    text = capsys.readouterr().err.strip()
    assert len(text.splitlines()) <= 1, text
    assert isinstance(caught.value.code, int)
    return text, caught.value.code


@pytest.mark.parametrize(
    "command",
    [
        ["executions"], ["endpoints"], ["logs", "x"], ["run", "p"], ["invoke", "e", "--prompt", "a"],
        ["models", "list", "e"], ["cluster", "status"],
    ],
)  # fmt: skip
def test_a_cloud_that_is_not_running(monkeypatch, capsys, tmp_path: Path, free_port: int, command: list[str]) -> None:
    text, status = fail(monkeypatch, capsys, "--local", "--port", str(free_port), "--state", str(tmp_path), *command)
    assert status == 1
    assert f"not running on port {free_port}" in text
    assert "trainyard local up" in text


def test_status_of_a_cloud_that_is_not_running(monkeypatch, capsys, tmp_path: Path, free_port: int) -> None:
    _, status = fail(monkeypatch, capsys, "--port", str(free_port), "--state", str(tmp_path), "local", "status")
    assert status == 3


def test_an_assembly_that_is_none_starts_no_cloud(monkeypatch, capsys, tmp_path: Path, free_port: int) -> None:
    where = ["--port", str(free_port), "--state", str(tmp_path / "state")]
    text, _ = fail(monkeypatch, capsys, *where, "local", "deploy", "--assembly", str(tmp_path))
    assert "it holds no manifest.json" in text
    assert "cdk synth" in text
    assert not (tmp_path / "state").exists()


def test_a_port_that_is_taken(monkeypatch, capsys, tmp_path: Path) -> None:
    class Silent(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Says nothing: standard error is under test."""

    with http.server.HTTPServer(("127.0.0.1", 0), Silent) as holder:
        threading.Thread(target=holder.handle_request, daemon=True).start()
        port = holder.server_port
        text, status = fail(monkeypatch, capsys, "--port", str(port), "--state", str(tmp_path), "local", "up")
    assert status == 1
    assert str(port) in text
    assert "--port" in text


def test_no_credentials_for_aws(monkeypatch, capsys, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    text, status = fail(monkeypatch, capsys, "executions")
    assert status == 1
    assert "no AWS credentials" in text
    assert "--local" in text


def test_a_reclaim_on_aws_is_refused(monkeypatch, capsys) -> None:
    text, status = fail(monkeypatch, capsys, "run", "p", "--reclaim-after", "20s")
    assert status == 1
    assert "--reclaim-after: got '20s'" in text
    assert "--local" in text


def test_invoke_wants_one_kind_of_input(monkeypatch, capsys) -> None:
    text, status = fail(monkeypatch, capsys, "invoke", "endpoint")
    assert status == 2
    assert "--prompt, --body and --input" in text


@pytest.mark.parametrize("item", ["Seed", "=1", ""])
def test_a_parameter_without_a_value(item: str) -> None:
    with pytest.raises(ValueError, match="NAME=VALUE"):
        pairs([item])


def test_a_parameter_given_twice() -> None:
    with pytest.raises(ValueError, match="Seed was given already"):
        pairs(["Seed=1", "Seed=2"])


def test_a_value_may_hold_an_equals_sign() -> None:
    assert pairs(["Uri=s3://b/k=1"]) == {"Uri": "s3://b/k=1"}


@pytest.mark.parametrize(("text", "expected"), [("20s", 20), ("1.5m", 90), ("1h", 3600), ("90", 90)])
def test_durations(text: str, expected: float) -> None:
    assert seconds(text, "--reclaim-after") == expected


@pytest.mark.parametrize("text", ["", "soon", "-3s", "5 days", "1e3s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="--reclaim-after"):
        seconds(text, "--reclaim-after")


def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys; from trainyard.cli import main; sys.argv = ['trainyard', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "slow = {'boto3', 'botocore', 'plotly', 'aws_cdk', 'torch', 'jinja2'} & set(sys.modules)\n"
        "assert not slow, slow"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Examples" in done.stdout
