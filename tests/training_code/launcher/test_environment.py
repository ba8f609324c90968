"""Communication variables follow the instance type, and never overrule the job without a reason."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_contract.instances import CATALOGUE, instance
from ml_contract.resources import ResourceConfig
from training_code.launcher.environment import apply, communication, cuda_compat, threads

RESOURCES = ResourceConfig(
    current_host="algo-1", hosts=("algo-1", "algo-2"), instance_type="ml.p5.48xlarge", network_interface_name="eth0"
)
INTERFACE = {"NCCL_SOCKET_IFNAME": "eth0", "GLOO_SOCKET_IFNAME": "eth0"}
KINDS = st.sampled_from(sorted(CATALOGUE))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ml.c5.xlarge", INTERFACE),
        ("ml.p3.16xlarge", INTERFACE),
        ("ml.g5.48xlarge", INTERFACE | {"FI_PROVIDER": "efa"}),
        ("ml.p4d.24xlarge", INTERFACE | {"FI_PROVIDER": "efa", "FI_EFA_USE_DEVICE_RDMA": "1"}),
        ("ml.p5en.48xlarge", INTERFACE | {"FI_PROVIDER": "efa", "FI_EFA_USE_DEVICE_RDMA": "1"}),
    ],
)
def test_variables_by_instance_type(name: str, expected: dict[str, str]) -> None:
    assert communication(RESOURCES, instance(name), {}) == expected


@given(kind=KINDS, value=st.sampled_from(["eth1", "lo", "^docker0"]))
@settings(max_examples=50, deadline=None)
def test_what_the_job_set_stays(kind: str, value: str) -> None:
    current = {"NCCL_SOCKET_IFNAME": value, "GLOO_SOCKET_IFNAME": value, "FI_PROVIDER": value, "NCCL_PROTO": value}
    assert not set(communication(RESOURCES, instance(kind), current)) & set(current)


@given(kind=KINDS, value=st.sampled_from(["1", "true", "YES", "on"]))
@settings(max_examples=50, deadline=None)
def test_rdma_is_withdrawn_where_it_would_abort_the_process(kind: str, value: str) -> None:
    found = apply(communication(RESOURCES, instance(kind), {"FI_EFA_USE_DEVICE_RDMA": value}),
                  {"FI_EFA_USE_DEVICE_RDMA": value})  # fmt: skip
    assert ("FI_EFA_USE_DEVICE_RDMA" in found) == instance(kind).device_rdma


def test_what_the_toolkit_forces_is_withdrawn_and_a_jobs_own_choice_is_not() -> None:
    current = {"NCCL_PROTO": "simple", "NCCL_IB_DISABLE": "1", **INTERFACE}
    kind = instance("ml.c5.xlarge")
    assert communication(RESOURCES, kind, current) == {}
    assert communication(RESOURCES, kind, current | {"SM_TRAINING_ENV": "{}"}) == {
        "NCCL_PROTO": "", "NCCL_IB_DISABLE": "",
    }  # fmt: skip


@given(kind=KINDS, available=st.integers(1, 256))
@settings(max_examples=100, deadline=None)
def test_threads_of_all_ranks_fit_the_cores(kind: str, available: int) -> None:
    found = instance(kind)
    count = int(threads(found, {}, available=available)["OMP_NUM_THREADS"])
    assert count >= 1
    assert count == 1 or count * found.processes <= min(found.vcpus // 2, available)


def test_threads_stay_as_the_job_set_them() -> None:
    assert threads(instance("ml.p5.48xlarge"), {"OMP_NUM_THREADS": "3"}) == {}


def test_the_image_s_cuda_step_is_sourced_and_its_path_kept(tmp_path: Path) -> None:
    script = tmp_path / "start_cuda_compat.sh"
    script.write_text('echo "driver is old"; export LD_LIBRARY_PATH=/compat:$LD_LIBRARY_PATH\n')
    assert cuda_compat({"LD_LIBRARY_PATH": "/own"}, script) == {"LD_LIBRARY_PATH": "/compat:/own"}
    script.write_text("true\n")
    assert cuda_compat({"LD_LIBRARY_PATH": "/own"}, script) == {}
    script.write_text("exit 3\n")
    assert cuda_compat({"LD_LIBRARY_PATH": "/own"}, script) == {}
    assert cuda_compat({}, tmp_path / "absent.sh") == {}


def test_applied_variables_reach_a_process_and_removed_ones_do_not() -> None:
    environment = apply({"ADDED": "1", "GONE": ""}, {"GONE": "x", "KEPT": "", "PATH": "/usr/bin:/bin"})
    printed = subprocess.run(["env"], env=environment, capture_output=True, text=True, check=True).stdout.split()
    assert {"ADDED=1", "KEPT="} <= set(printed)
    assert not any(line.startswith("GONE") for line in printed)
