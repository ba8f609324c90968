"""Machines for the scripts: what a node of each type has before they run, as folders to be laid over this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import cluster_documents

from cluster_code import LIFECYCLE
from ml_contract.clusters.nodes import NodeType

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Of a machine: its Python is the system's own, as on a node."""
STAND_IN = Path(__file__).parent / "cluster_code" / "stand_in.sh"
STAND_INS = (
    "aws", "chronyc", "docker", "enroot", "findmnt", "getent", "hostname", "lctl", "lnetctl", "modinfo", "modprobe",
    "mount.lustre", "mountpoint", "nvidia-smi", "pam-auth-update", "sacctmgr", "scontrol", "sleep", "squeue",
    "sshd", "sssd", "systemctl", "visudo",
)  # fmt: skip
"""Programs of the image: they write down how they were called, and do what ANSWERS or a test says."""
ANSWERS = {
    "getent": 'case $1 in hosts) echo 10.0.0.99 $2 ;; *) exec /usr/bin/getent "$@" ;; esac',
    "sleep": '[[ $1 != 0.* ]] || exec /bin/sleep "$1"',
    "findmnt": "echo lustre",
    "nvidia-smi": 'printf "GPU %d: H100\\n" 0 1 2 3 4 5 6 7',
    "sshd": "for word in passwordauthentication kbdinteractiveauthentication permitrootlogin; do echo $word no; done\n"
    "echo usepam yes",
    "scontrol": 'echo "Slurmctld(primary) at c is UP"',
}
NODES: dict[NodeType, tuple[str, str]] = {
    "controller": ("10.0.0.10", "controller"), "login": ("10.0.0.11", "login"), "compute": ("10.0.0.21", "workers"),
}  # fmt: skip


def obstacle() -> str:
    """Why a machine cannot be laid over this one; empty when it can."""
    if os.geteuid() != 0:
        return "a mount namespace with an overlay needs root"
    for command in ("unshare", "python3"):
        if shutil.which(command, path=PATH) is None:
            return f"the command {command} is missing in {PATH}"
    return ""


def environment(folder: Path) -> dict[str, str]:
    """Of world.bash: where the machines are that `write` wrote."""
    return {"PATH": f"{os.environ['PATH']}:{PATH}", "HOME": "/root", "TMPDIR": str(folder), "DOCUMENTS": str(folder)}


def write(folder: Path) -> None:
    """A folder for each type of node, and the documents beside them."""
    cluster_documents.write(folder)
    for node_type in NODES:
        furnish(folder, node_type)


def furnish(folder: Path, node_type: NodeType) -> None:
    machine, (address, group) = folder / node_type, NODES[node_type]
    scripts, programs = machine / "opt/scripts", machine / "fakes/bin"
    shutil.copytree(LIFECYCLE, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("fakes/bin", "opt/ml/config", "etc/ssh", "etc/pam.d"):
        (machine / name).mkdir(parents=True)
    shutil.copy(folder / "lifecycle.json", scripts)
    shutil.copy(folder / "resource_config.json", machine / "opt/ml/config")
    (machine / "etc/pam.d/sshd").write_text("account required pam_nologin.so\n")
    shutil.copy(STAND_IN, programs.parent / "stand_in")
    (programs.parent / "stand_in").chmod(0o755)
    for name in STAND_INS:
        (programs / name).symlink_to("../stand_in")
    hostname = f"case $1 in -I) echo 172.17.0.1 {address} ;; *) echo ip-{address.replace('.', '-')} ;; esac"
    for name, answer in {**ANSWERS, "hostname": hostname}.items():
        (programs.parent / name).write_text(answer + "\n")
    # What `node facts` says of it (test_node.py); written down, for a Python less a test.
    (machine / "facts").write_text(
        f"export NODE_TYPE={node_type} GROUP={group} INSTANCE_NAME={group}-1\n"
        f"export INSTANCE_ID=i-0123456789abc00{address[-2:]}\n"
        f"export ADDRESS={address} CONTROLLERS=10.0.0.10 REGION=eu-west-1 ACCOUNT=123456789012\n"
    )
