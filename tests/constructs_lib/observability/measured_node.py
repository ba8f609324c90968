"""A node that is measured: its exporters and agent, a Prometheus that is asked, alerts that reach topics.

What is played: the fields of GPUs, the counters of an adapter, Slurm's programs, SNS. All else is real.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from cluster_code import LIFECYCLE
from constructs_lib.observability import agent_configuration, goodput, training
from constructs_lib.observability.alerts import rule_file
from constructs_lib.observability.exporters import EFA, EXPORTERS, GPU
from constructs_lib.observability.prometheus import alert_manager
from constructs_lib.observability.scraping import kept
from ml_contract.clusters.exporters import PORTS
from ml_contract.metrics import CHECKPOINTS_QUARANTINED, METRICS
from ml_contract.prometheus import begin
from tests.cluster_code.test_slurm_figures import NODES as SINFO
from tests.ports import free_port
from tests.prometheus_programs import alertmanager, missing, programs
from training_code.watching.textfile import TextFile

CRITICAL, OTHER = (f"arn:aws:sns:us-east-1:123456789012:{name}" for name in ("critical", "warning"))
FILES = LIFECYCLE / "files"
WIDTHS = (256, 32, 128, 64, 512, 512)
"""Of sinfo's columns, as slurm_figures.py asks for them."""


class Gpus(http.server.BaseHTTPRequestHandler):
    """Eight GPUs with faults, by the fields that the exporter is told to give."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        lines = []
        for name in sorted(GPU.metrics):
            lines.append(f"# TYPE {name} gauge")
            lines += [f'{name}{{gpu="{gpu}",UUID="GPU-{gpu}"}} {self.asked}' for gpu in range(8)]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(("\n".join(lines) + "\n").encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Topics(http.server.BaseHTTPRequestHandler):
    """SNS, as far as the alertmanager uses it."""

    told: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.told.append(dict(urllib.parse.parse_qsl(body)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>")

    def log_message(self, *_: object) -> None:
        """Nothing."""


class World:
    """What runs, and the questions to it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._figures = folder / "metrics"
        self._figures.mkdir()
        self._port = free_port()
        self._adapter = folder / "sys/class/infiniband/rdmap0s1/ports/1/hw_counters"
        self._adapter.mkdir(parents=True)
        self._write()
        self._start()

    def _write(self) -> None:
        figures = {metric.name: 0.5 for metric in METRICS if metric is not CHECKPOINTS_QUARANTINED}
        TextFile(self._figures, "bytes-lm-1").write(7, {**figures, CHECKPOINTS_QUARANTINED.name: 0})
        # Its hosts have not found each other for an hour.
        hung = begin(self._figures, "hung")
        os.utime(hung, (time.time() - 3600, time.time() - 3600))
        sinfo = "".join("".join(map(str.ljust, node, WIDTHS)) + "\n" for node in SINFO)
        said = {
            "sinfo": f"case $* in *%R*) echo train debug ;; *) cat <<'ROWS'\n{sinfo}ROWS\n;; esac",
            "squeue": "echo 'train|PENDING|2026-11-22T10:00:00|Resources'; echo 'train|RUNNING|N/A|None'",
            "sdiag": "echo 'Agent queue size: 3'; echo 'Mean cycle: 41'",
        }
        commands = self._folder / "bin"
        commands.mkdir()
        for name, script in said.items():
            (commands / name).write_text(f"#!/bin/sh\n{script}\n")
            (commands / name).chmod(0o755)
        subprocess.run([sys.executable, "-I", "-S", str(FILES / "slurm_figures.py"), str(self._figures / "slurm.prom")],
                       env={"PATH": f"{commands}:/usr/bin:/bin"}, check=True)  # fmt: skip

    def count(self) -> None:
        """The adapter goes on."""
        for name in EFA.metrics:
            file = self._adapter / name.removeprefix("node_amazonefa_")
            file.write_text(f"{int(file.read_text()) + 1 if file.exists() else 1}\n")

    def _start(self) -> None:
        ports = {"node": free_port(), "dcgm": free_port()}
        self._serve(ports["dcgm"], Gpus)
        self.count()
        self._run(["/bin/sh", FILES / "efa_figures.sh", self._figures / "efa.prom", "0.3"],
                  SYSFS=str(self._folder / "sys"))  # fmt: skip
        self._run([programs() / "prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{ports['node']}",
                   f"--collector.textfile.directory={self._figures}"])  # fmt: skip
        self._tell()
        self._run([programs() / "prometheus", f"--config.file={self._folder / 'server.json'}",
                   f"--storage.tsdb.path={self._folder / 'samples'}", f"--web.listen-address=127.0.0.1:{self._port}",
                   "--web.enable-remote-write-receiver"])  # fmt: skip
        self._run([programs() / "prometheus", f"--config.file={self._configuration(ports)}",
                   f"--storage.agent.path={self._folder / 'agent'}", f"--web.listen-address=127.0.0.1:{free_port()}",
                   # The release on nodes has both without a word: they were trials before version 3.
                   "--enable-feature=agent,expand-external-labels"], HOSTNAME="node-1")  # fmt: skip

    def _serve(self, port: int, handler: type[http.server.BaseHTTPRequestHandler]) -> None:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._stack.callback(server.server_close)
        self._stack.callback(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def _tell(self) -> None:
        """The rules and the alert manager's definition as they are deployed: faster, and to topics here."""
        manager, topics = free_port(), free_port()
        groups = (training(silent_minutes=30, checkpoint_minutes=10), goodput(least=0.9, held="1h"))
        rules = rule_file(groups, runbooks="docs/runbooks")
        (self._folder / "rules.json").write_text(re.sub(r'("(?:for|interval)"): "\w+"', r'\1: "1s"', rules))
        server = {
            "global": {"scrape_interval": "1m"},
            "rule_files": ["rules.json"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{manager}"]}]}]},
        }
        (self._folder / "server.json").write_text(json.dumps(server))
        if missing("prometheus-alertmanager"):
            return
        self._serve(topics, Topics)
        inner = yaml.safe_load(alert_manager(CRITICAL, OTHER, "us-east-1"))["alertmanager_config"]
        inner = inner.replace("group_wait: 30s", "group_wait: 1s")
        here = f"api_url: http://127.0.0.1:{topics}/"
        signed = "sigv4: {region: us-east-1, access_key: A, secret_key: S}"
        inner = re.sub(r"sigv4:\n\s+region: \S+", f"{here}\n        {signed}", inner)
        (self._folder / "alertmanager.yml").write_text(inner)
        self._run([*alertmanager(), f"--config.file={self._folder / 'alertmanager.yml'}",
                   f"--storage.path={self._folder / 'alerts'}", f"--web.listen-address=127.0.0.1:{manager}",
                   "--cluster.listen-address="])  # fmt: skip

    def _configuration(self, ports: dict[str, int]) -> Path:
        """The published one: of other ports, faster, and without a signature, for which there is nobody here."""
        found = agent_configuration("compute", cluster="c", endpoint=f"http://127.0.0.1:{self._port}/", region="r")
        text = json.dumps(found)
        for name, port in ports.items():
            text = text.replace(f"localhost:{PORTS[name]}", f"127.0.0.1:{port}")
        changed = json.loads(text)
        # This node is the controller as well.
        (node,) = (job for job in changed["scrape_configs"] if job["job_name"] == "node")
        node["metric_relabel_configs"] = kept(one for one in EXPORTERS if one.port == PORTS["node"])
        changed["global"]["scrape_interval"] = "1s"
        (write,) = changed["remote_write"]
        del write["sigv4"]
        write["queue_config"]["batch_send_deadline"] = "300ms"
        write["url"] = write["url"].replace("api/v1/remote_write", "api/v1/write")
        path = self._folder / "agent.json"
        path.write_text(json.dumps(changed))
        return path

    def _run(self, command: list[Any], **environment: str) -> None:
        with (self._folder / "log").open("ab") as log:
            program = subprocess.Popen(
                [str(part) for part in command], env={"PATH": "/usr/bin:/bin", **environment}, stdout=log, stderr=log
            )
        self._stack.callback(program.wait)
        self._stack.callback(program.kill)

    def ask(self, expression: str) -> list[dict[str, Any]]:
        asked = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/api/v1/query?{asked}", timeout=5) as answer:
            return list(json.load(answer)["data"]["result"])

    def wait(self) -> None:
        """Until three samples of everything are there."""
        end = time.monotonic() + 40
        while time.monotonic() < end:
            self.count()
            try:
                there = self.ask('count_over_time(up{cluster="c"}[1m]) >= 3')
            except (urllib.error.URLError, ConnectionError):
                there = []
            if {one["metric"]["job"] for one in there} == {"node", "dcgm"}:
                return
            time.sleep(0.3)
        pytest.fail((self._folder / "log").read_text()[-3000:])
