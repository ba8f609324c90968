"""Endpoints that are ready to be taken into an environment."""

from __future__ import annotations

from constructs_lib.serving import ServingResources
from constructs_lib.serving.components import Share
from constructs_lib.serving.models import NgramSpeculation, TritonServer, Vllm
from constructs_lib.serving.optimization import Awq
from constructs_lib.serving.scaling import Backlog, ConcurrentRequests, Scaling, WakeFromZero
from constructs_lib.serving.variants import ManagedScaling
from stacks.served.catalogue import ServedCatalogue
from stacks.served.hosting import Instances, OnDemand, Queue
from stacks.served.language_model import ServedLanguageModel
from stacks.served.optimized import Optimized
from stacks.served.workload import ServedWorkload

BERT_VARIANTS = ServedCatalogue(
    name="bert-variants",
    prefix="catalogues/bert",
    hosting=Instances(resources=ServingResources(instance_type="ml.g5.2xlarge", instance_count=1, start_seconds=600)),
    server=TritonServer(gpu_load_limit=0.9),
)
"""Fifty variants of BERT, or more, on the 24 GB of one GPU: those that are asked for are loaded, and the one that was
asked for longest ago goes when there is no room. `trainyard models add` adds one."""

ARR_COC = ServedWorkload(
    name="arr-coc",
    workload="arr-coc",
    hosting=Instances(
        resources=ServingResources(instance_type="ml.g5.2xlarge", instance_count=1, start_seconds=1800),
        scaling=Scaling(minimum=0, maximum=4, rules=(Backlog(per_instance=4), WakeFromZero())),
    ),
    queue=Queue(concurrent_invocations=4),
)
"""arr-coc's ensemble on one A10G, behind a queue: an image takes seconds, and nobody pays while none waits."""

LLAMA_70B = ServedLanguageModel(
    name="llama-70b",
    prefix="llama-3-70b",
    engine=Vllm(
        tensor_parallel=8,
        dtype="bf16",
        max_model_len=8192,
        speculation=NgramSpeculation(tokens=4),
        options={"enable_prefix_caching": True},
    ),
    share=Share(accelerators=8, memory_mb=512 * 1024),
    resources=ServingResources(instance_type="ml.p4d.24xlarge", instance_count=1, start_seconds=3600),
    managed=ManagedScaling(minimum=0, maximum=2),
    scaling=Scaling(minimum=0, maximum=2, rules=(ConcurrentRequests(at_once=24), WakeFromZero())),
    optimized=Optimized(techniques=(Awq(tensor_parallel_degree=8),), max_run_seconds=12 * 3600, log_days=365),
)
"""Llama 70B in bfloat16, 141 GB over eight A100 of 40 GB, sharded eight ways; no instance while nobody asks. Weights
and tokenizer.json lie below ``shared/llama-3-70b`` of the data bucket. A job makes weights of 4 bits (AWQ: an A100 has
no 8-bit floats), about 40 GB, which are served once ``optimized.served`` says so."""

SERVERLESS_4_GB = OnDemand(memory_mb=4096, max_concurrency=20)
"""For 100 requests a day of 2 s each: some cents a day, and nothing on a day without."""

SERVERLESS_6_GB = OnDemand(memory_mb=6144, max_concurrency=50)
"""For 1,000 requests a day of half a second each, with the most memory and processors that serverless has."""
