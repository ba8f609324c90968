"""config.pbtxt, Triton's model configuration, from typed signatures.

Written through Triton's own definition (tritonclient.grpc.model_config_pb2, of triton-inference-server/common,
protobuf/model_config.proto), so that a field that Triton does not know cannot be written.
"""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from ml_contract.ensemble import Ensemble
from ml_contract.errors import reject
from ml_contract.packaging import DynamicBatching, GpuInstances, PackageOptions, QueuePolicy, Warmup
from ml_contract.packaging.options import THREADS
from ml_contract.signature import ModelSignature, Tensor

FILE_NAME = "config.pbtxt"


def model_configuration(name: str, signature: ModelSignature, options: PackageOptions) -> str:
    """The text of config.pbtxt for one model.

    Args:
        name: The served model's name, which is also its folder's.
        signature: What the graph takes and gives. Shapes stay without the batch: ``max_batch_size`` adds it.
        options: How the server runs the graph.

    Raises:
        ContractError: The options ask for larger batches than the graph takes, or name other inputs.
    """
    config = _model(name, signature, options.batch_size(signature.max_batch_size))
    config.backend = options.backend
    gpus = options.instances.gpus if isinstance(options.instances, GpuInstances) else ()
    kind = f"KIND_{options.instances.kind.upper()}"
    config.instance_group.add(kind=kind, count=options.instances.count, gpus=gpus)
    config.version_policy.specific.versions.append(options.version)
    if options.batching is not None and config.max_batch_size > 1:
        # An empty message means defaults, and is still written.
        config.dynamic_batching.SetInParent()
        _batching(config.dynamic_batching, options.batching)
    for number, request in enumerate(options.warmup, start=1):
        _warmup(config.model_warmup.add(name=f"warmup_{number}"), request, signature)
    if options.response_cache:
        config.response_cache.enable = True
    if options.accelerator is not None:
        found = config.optimization.execution_accelerators.gpu_execution_accelerator.add(name="tensorrt")
        found.parameters["precision_mode"] = options.accelerator.precision_mode
        found.parameters["max_workspace_size_bytes"] = str(options.accelerator.max_workspace_size_bytes)
        if options.accelerator.engine_cache_path is not None:
            found.parameters["trt_engine_cache_enable"] = "1"
            found.parameters["trt_engine_cache_path"] = options.accelerator.engine_cache_path
    threads = dict(zip(THREADS, (options.threads, 1), strict=True)) if options.engine is None else {}
    told = {parameter.key: parameter.value for parameter in options.parameters}
    for key, value in (threads | told).items():
        config.parameters[key].string_value = str(value)
    return _text(config)


def ensemble_configuration(name: str, ensemble: Ensemble, options: PackageOptions) -> str:
    """The text of an ensemble's config.pbtxt: which tensor goes where. Instances and batching are its parts' own.

    Raises:
        ContractError: A part takes smaller batches than the ensemble.
    """
    config = _model(name, ensemble.signature, options.max_batch_size or ensemble.signature.max_batch_size)
    config.platform = "ensemble"
    config.version_policy.specific.versions.append(options.version)
    if options.response_cache:
        config.response_cache.enable = True
    for step in ensemble.steps:
        part = options.of(step.model)
        largest = part.batch_size(step.signature.max_batch_size)
        if largest < config.max_batch_size:
            reject(f"{step.model}.max_batch_size", largest, f"the ensemble takes batches of {config.max_batch_size}",
                   "Give the part as much, or give max_batch_size less.")  # fmt: skip
        found = config.ensemble_scheduling.step.add(model_name=step.model, model_version=part.version)
        for mapped, pairs in ((found.input_map, step.taken), (found.output_map, step.given)):
            for tensor, own in pairs:
                mapped[own.name] = tensor
    return _text(config)


def _model(name: str, signature: ModelSignature, batch_size: int) -> pb.ModelConfig:
    config = pb.ModelConfig(name=name, max_batch_size=batch_size)
    for declared, tensors in ((config.input, signature.inputs), (config.output, signature.outputs)):
        for tensor in tensors:
            declared.add(name=tensor.name, data_type=tensor.dtype.triton, dims=tensor.shape)
    return config


def _batching(found: pb.ModelDynamicBatching, batching: DynamicBatching) -> None:
    found.preferred_batch_size.extend(batching.preferred_sizes)
    found.max_queue_delay_microseconds = batching.max_queue_delay_microseconds
    found.preserve_ordering = batching.preserve_ordering
    if batching.queue is not None:
        found.default_queue_policy.CopyFrom(_policy(batching.queue))
    if batching.priorities is not None:
        found.priority_levels = batching.priorities.levels
        found.default_priority_level = batching.priorities.default
        for entry in batching.priorities.policies:
            found.priority_queue_policy[entry.level].CopyFrom(_policy(entry.policy))


def _policy(policy: QueuePolicy) -> pb.ModelQueuePolicy:
    return pb.ModelQueuePolicy(
        timeout_action=policy.timeout_action, default_timeout_microseconds=policy.default_timeout_microseconds,
        allow_timeout_override=policy.allow_timeout_override, max_queue_size=policy.max_queue_size,
    )  # fmt: skip


def _warmup(found: pb.ModelWarmup, request: Warmup, signature: ModelSignature) -> None:
    names = [tensor.name for tensor in signature.inputs]
    for name in request.random:
        if name not in names:
            reject("warmup.random", name, f"the model's inputs are {', '.join(names)}", "Name one of these.")
    found.batch_size, found.count = request.batch_size, request.count
    for tensor in signature.inputs:
        entry = found.inputs[tensor.name]
        entry.data_type = pb.DataType.Value(tensor.dtype.triton)
        entry.dims.extend(_sizes(tensor, request.length))
        if tensor.name in request.random:
            entry.random_data = True
        else:
            entry.zero_data = True


def _sizes(tensor: Tensor, length: int) -> Iterable[int]:
    return (length if size == -1 else size for size in tensor.shape)


def _text(config: pb.ModelConfig) -> str:
    text: str = text_format.MessageToString(config, use_short_repeated_primitives=True)
    return text
