"""Pages of what is true whatever runs: processors, accelerators, fabric."""

from __future__ import annotations

from constructs_lib.observability.dashboards.panels import Dashboard, Panel, Query, Threshold

_C = 'cluster="$cluster"'
_R = "[$__rate_interval]"

NODES = Dashboard(
    uid="trainyard-nodes",
    title="Nodes",
    panels=(
        Panel(title="Nodes that answer", unit="none", kind="stat", width=4, height=5,
              queries=(
                  Query(expr=f'sum(up{{job="node",{_C}}})', legend="nodes"),
                  Query(expr=f'sum(up{{job="dcgm",{_C}}})', legend="with GPUs"),
              )),
        Panel(title="Processors busy", unit="percentunit", width=20, height=5,
              queries=(Query(expr=f'1 - avg by (node) (rate(node_cpu_seconds_total{{mode="idle",{_C}}}{_R}))',
                             legend="{{node}}"),)),
        Panel(title="Memory used", unit="percentunit",
              description="A host out of memory kills its job: data loaders and checkpoints in flight share it.",
              thresholds=(Threshold(value=0.9, color="red"),),
              queries=(Query(expr=f"1 - node_memory_MemAvailable_bytes{{{_C}}} / node_memory_MemTotal_bytes{{{_C}}}",
                             legend="{{node}}"),)),
        Panel(title="Load by node", unit="short",
              queries=(Query(expr=f"node_load1{{{_C}}}", legend="{{node}}"),)),
        Panel(title="Disks, share left", unit="percentunit",
              queries=(Query(expr=f'node_filesystem_avail_bytes{{{_C}}} '
                                  f"/ node_filesystem_size_bytes{{{_C}}}",
                             legend="{{node}} {{mountpoint}}"),)),
        Panel(title="IP traffic", unit="Bps",
              queries=(
                  Query(expr=f'sum by (node) (rate(node_network_receive_bytes_total{{{_C}}}{_R}))',
                        legend="{{node}} in"),
                  Query(expr=f'-sum by (node) (rate(node_network_transmit_bytes_total{{{_C}}}{_R}))',
                        legend="{{node}} out"),
              )),
    ),
)  # fmt: skip

ACCELERATORS = Dashboard(
    uid="trainyard-accelerators",
    title="Accelerators",
    panels=(
        Panel(title="GPUs at work", unit="percent", kind="stat", width=6, height=5,
              queries=(Query(expr=f"avg(DCGM_FI_DEV_GPU_UTIL{{{_C}}})", legend="mean"),)),
        Panel(title="GPUs without work", unit="none", kind="stat", width=6, height=5,
              description="They are paid for like those at work.", thresholds=(Threshold(value=1, color="yellow"),),
              queries=(Query(expr=f"sum(DCGM_FI_DEV_GPU_UTIL{{{_C}}} < bool 5)", legend="idle"),)),
        Panel(title="Tensor cores at work", unit="percentunit", width=12, height=5,
              description="Closer to what is paid for than utilisation, which counts a waiting kernel too.",
              queries=(Query(expr=f"avg by (node) (DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{{{_C}}})",
                             legend="{{node}}"),)),
        Panel(title="GPU memory used", unit="percentunit",
              queries=(Query(expr=f"DCGM_FI_DEV_FB_USED{{{_C}}} / (DCGM_FI_DEV_FB_USED{{{_C}}} "
                                  f"+ DCGM_FI_DEV_FB_FREE{{{_C}}})", legend="{{node}} {{gpu}}"),)),
        Panel(title="GPU memory bandwidth", unit="percentunit",
              queries=(Query(expr=f"avg by (node) (DCGM_FI_PROF_DRAM_ACTIVE{{{_C}}})", legend="{{node}}"),)),
        Panel(title="GPU temperature", unit="celsius", thresholds=(Threshold(value=85, color="red"),),
              queries=(Query(expr=f"max by (node) (DCGM_FI_DEV_GPU_TEMP{{{_C}}})", legend="{{node}}"),)),
        Panel(title="GPU power", unit="watt",
              queries=(Query(expr=f"sum by (node) (DCGM_FI_DEV_POWER_USAGE{{{_C}}})", legend="{{node}}"),)),
        Panel(title="Time that GPUs are slowed down", unit="percentunit",
              description="By heat: the node's cooling. By the limit of power: usual under full load, where all do it.",
              queries=(
                  Query(expr=f"max by (node) (rate(DCGM_FI_DEV_THERMAL_VIOLATION{{{_C}}}{_R})) / 1e6",
                        legend="{{node}} heat"),
                  Query(expr=f"max by (node) (rate(DCGM_FI_DEV_POWER_VIOLATION{{{_C}}}{_R})) / 1e6",
                        legend="{{node}} power"),
              )),
        Panel(title="NVLink traffic", unit="short",
              description="Counts of the driver's own unit: compare nodes with each other.",
              queries=(Query(expr=f"sum by (node) (rate(DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL{{{_C}}}{_R}))",
                             legend="{{node}}"),)),
        Panel(title="Faults of GPUs", unit="none",
              description="XID of the last error; rows that errors took out of use; failed remaps want a new node.",
              queries=(
                  Query(expr=f"DCGM_FI_DEV_XID_ERRORS{{{_C}}} > 0", legend="XID {{node}} {{gpu}}"),
                  Query(expr=f"DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS{{{_C}}} > 0",
                        legend="rows {{node}} {{gpu}}"),
                  Query(expr=f"DCGM_FI_DEV_ROW_REMAP_FAILURE{{{_C}}} > 0", legend="failed {{node}} {{gpu}}"),
                  Query(expr=f"rate(DCGM_FI_DEV_PCIE_REPLAY_COUNTER{{{_C}}}{_R}) > 0",
                        legend="PCIe retries {{node}} {{gpu}}"),
              )),
    ),
)  # fmt: skip

FABRIC = Dashboard(
    uid="trainyard-fabric",
    title="Elastic Fabric Adapters",
    panels=(
        Panel(title="EFA sent", unit="Bps", width=24,
              description="One node far below the others in a collective holds all of them back.",
              queries=(Query(expr=f"sum by (node) (rate(node_amazonefa_tx_bytes{{{_C}}}{_R}))",
                             legend="{{node}}"),)),
        Panel(title="EFA received", unit="Bps", width=24,
              queries=(Query(expr=f"sum by (node) (rate(node_amazonefa_rx_bytes{{{_C}}}{_R}))",
                             legend="{{node}}"),)),
        Panel(title="Device RDMA", unit="Bps",
              description="Nothing here while EFA sends: GPUDirect RDMA is off, and data pass through host memory.",
              queries=(
                  Query(expr=f"sum by (node) (rate(node_amazonefa_rdma_read_bytes{{{_C}}}{_R}))",
                        legend="{{node}} read"),
                  Query(expr=f"sum by (node) (rate(node_amazonefa_rdma_write_bytes{{{_C}}}{_R}))",
                        legend="{{node}} written"),
              )),
        Panel(title="EFA drops and errors", unit="short", thresholds=(Threshold(value=1, color="red"),),
              queries=(
                  Query(expr=f"rate(node_amazonefa_rx_drops{{{_C}}}{_R}) > 0", legend="{{node}} drops"),
                  Query(expr=f"rate(node_amazonefa_rdma_read_wr_err{{{_C}}}{_R}) > 0", legend="{{node}} reads"),
                  Query(expr=f"rate(node_amazonefa_rdma_write_wr_err{{{_C}}}{_R}) > 0", legend="{{node}} writes"),
              )),
        Panel(title="Peers that a node does not reach", unit="short", width=24,
              description="A collective that hangs: all nodes but one complain, and that one is the cause. Adapters of "
                          "Nitro 4 and later.",
              queries=(
                  Query(expr=f"sum by (node) (increase(node_amazonefa_unresponsive_remote_events{{{_C}}}{_R}))",
                        legend="{{node}} no answer"),
                  Query(expr=f"sum by (node) (increase(node_amazonefa_impaired_remote_conn_events{{{_C}}}{_R}))",
                        legend="{{node}} slowed down"),
                  Query(expr=f"sum by (node) (increase(node_amazonefa_retrans_timeout_events{{{_C}}}{_R}))",
                        legend="{{node}} another path"),
              )),
    ),
)  # fmt: skip
