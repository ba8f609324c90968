"""A Slurm cluster on the embedded cloud: two CPU workers, which train what `local` trains, smaller, and a database
that keeps who used them.

It wants root and a Slurm (`make slurm`), so `make demo` leaves it alone: ``trainyard local deploy 'Lab/**'``.
"""

from constructs_lib.hyperpod import (
    AccountingDatabase,
    ByApi,
    ClusterSettings,
    Compute,
    Controller,
    InstanceGroup,
    Login,
    Mount,
    NodeScripts,
    OnDemand,
    OneType,
    Slurm,
)
from constructs_lib.hyperpod.jobs.runtimes import VirtualEnvironment
from constructs_lib.lustre import LustreSettings, Scratch2
from constructs_lib.network import ACCOUNTING, HYPERPOD, JOBS, ClusterSubnet, NetworkSettings, Nodes
from constructs_lib.operation import ClusterAlarms, FileAlarms, SupplyAlarms
from constructs_lib.storage import StorageSettings
from constructs_lib.training import TrainingResources
from environments.local import LOCAL
from ml_contract.clusters.people import User, UsersFile
from ml_contract.clusters.software import Account
from ml_contract.training.optimization import AdamW, Cosine
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Fsdp
from ml_contract.training.surroundings import Checkpointing
from ml_contract.workloads import bytes_lm
from stacks.clusters import NoSpares, SharedFiles, SlurmCluster, SlurmRun
from stacks.clusters import recipes as clusters
from stacks.environment import Environment
from stacks.operated import Operation

CPU = "ml.m5.large"
WORKERS = 2
MOUNTS = (Mount(file_system="shared", path=clusters.SHARED),)
FILES = SharedFiles(
    name="shared",
    subnet="Slurm",
    settings=LustreSettings(deployment=Scratch2(capacity_gib=1200), compression="LZ4", maintenance="7:03:00"),
)
PEOPLE = UsersFile(users=(User(name="ada", uid=2001, gid=2001), User(name="grace", uid=2002, gid=2002)),
                   home=f"{clusters.SHARED}/home")  # fmt: skip
ACCOUNTS = (Account(name="research", members=("ada",), share=3), Account(name="products", members=("grace",)))
SLURM = SlurmCluster(
    settings=ClusterSettings(
        name="slurm",
        zone="us-east-1a",
        provisioning="Continuous",
        recovery="Automatic",
        groups=tuple(
            InstanceGroup(name=name, duty=duty, hosts=OneType(instance_type=CPU), count=count, capacity=OnDemand(),
                          mounts=MOUNTS)
            for name, duty, count in (
                ("controller", Controller(), 1),
                ("login", Login(), 1),
                ("workers", Compute(partition=clusters.PARTITION), WORKERS),
            )
        ),
    ),
    subnet="Slurm",
    spares=NoSpares(),
    orchestrator=Slurm(
        configuration=ByApi(strategy=None),
        scripts=NodeScripts(event="OnInitComplete", logins="anyone", users=PEOPLE, accounts=ACCOUNTS),
        accounting=AccountingDatabase(instance_class="t4g.micro", storage_gib=20, backup_days=7, standby=True),
    ),
    runs=(
        SlurmRun(
            name="bytes-lm",
            run=TrainingRun(
                workload=bytes_lm.BytesLm(dimension=64, layers=2, heads=2, sequence_length=128),
                strategy=Fsdp(),
                optimizer=AdamW(learning_rate=6e-3),
                schedule=Cosine(warmup_steps=4),
                global_batch_size=8,
                steps=400,
                checkpointing=Checkpointing(every_steps=40),
            ),
            resources=TrainingResources(instance_type=CPU, instance_count=WORKERS, volume_gib=1, efa=False),
            data="bytes-lm/train",
            runtime=VirtualEnvironment(path=f"{clusters.SHARED}/environments/trainyard"),
            output=f"{clusters.SHARED}/runs",
            time_limit_minutes=30,
            partition=clusters.PARTITION,
        ),
    ),
)  # fmt: skip

LAB = Environment(
    name="lab",
    team="platform",
    account=LOCAL.account,
    region=LOCAL.region,
    protected=False,
    network=NetworkSettings(
        cidr="10.11.0.0/23",
        availability_zones=("us-east-1a", "us-east-1b"),
        nodes=2,
        efa=False,
        log_days=1,
        purposes=(JOBS, HYPERPOD, ACCOUNTING),
        clusters=(
            ClusterSubnet(
                name="Slurm",
                zone="us-east-1a",
                nodes=(Nodes(instance_type=CPU, count=WORKERS + 2),),
                others=FILES.settings.deployment.addresses,
            ),
        ),
    ),
    storage=StorageSettings(checkpoint_days=7, replaced_days=1, access_log_days=7),
    operation=Operation(
        log_days=1,
        pipelines=(),
        endpoints=(),
        supplies=SupplyAlarms(buckets=("checkpoints",), refused=5, minutes=5),
        clusters=ClusterAlarms(lost_nodes=1, minutes=5),
        files=FileAlarms(left_percent=10, mirror=None),
    ),
    trainings=(),
    endpoints=(),
    file_systems=(FILES,),
    clusters=(SLURM,),
)
