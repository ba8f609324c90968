"""The Hugging Face Trainer over transformers' Llama, with the same weights, data order and optimiser."""

from __future__ import annotations

import tempfile
import warnings
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks.gpu import measure
from benchmarks.gpu.settings import OPTIMIZER, SEED, Mode, Setting
from training_code.workloads.llama.configuration import configuration
from training_code.workloads.llama.names import theirs


class _Windows(Dataset[dict[str, Any]]):
    """Samples in the order in which everybody sees them; targets are shifted here, so that all see as many tokens."""

    def __init__(self, setting: Setting) -> None:
        micro = [batch for step in measure.batches(setting) for batch in step]
        self.samples = torch.cat(micro)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        tokens, targets = self.samples[index, :-1], self.samples[index, 1:]
        return {"input_ids": tokens, "labels": targets, "shift_labels": targets}


def run(setting: Setting, mode: Mode) -> dict[str, Any]:
    """Train for the setting's steps."""
    # Before transformers, which is large; a row is a process of its own.
    import transformers

    transformers.logging.set_verbosity_error()
    warnings.filterwarnings("ignore")
    clock = measure.Clock(setting)
    trainer = _trainer(setting, mode, clock)
    clock.start()
    trainer.train()
    return clock.figures()


def _model(setting: Setting) -> Any:
    import transformers

    raw = configuration(setting.shape)
    del raw["torch_dtype"]
    with measure.device():
        model = transformers.AutoModelForCausalLM.from_config(
            transformers.LlamaConfig(**raw, use_cache=False), dtype=setting.dtype, attn_implementation="sdpa"
        )
    workload = measure.workload(setting)
    with torch.device("meta"):
        names = {name: parameter.shape for name, parameter in workload.build().named_parameters()}
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, shape in names.items():
            (named,) = theirs(name, setting.shape)
            parameters[named].copy_(workload.initial(name, shape, SEED))
    return model


def _trainer(setting: Setting, mode: Mode, clock: measure.Clock) -> Any:
    import transformers

    class Ordered(transformers.Trainer):  # type: ignore[misc]
        def get_train_dataloader(self) -> DataLoader[Any]:
            return self.accelerator.prepare(DataLoader(self.train_dataset, batch_size=setting.micro_batch))

        def log(self, logs: dict[str, float], *_: Any, **__: Any) -> None:
            if "loss" in logs:
                clock.step(logs["loss"])

    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            output_dir=folder, max_steps=setting.warm + setting.steps, seed=SEED, report_to="none",
            per_device_train_batch_size=setting.micro_batch, gradient_accumulation_steps=setting.passes,
            bf16=setting.parameters == "float32", gradient_checkpointing=setting.recompute == "full",
            gradient_checkpointing_kwargs={"use_reentrant": False}, torch_compile=mode == "compiled",
            optim="adamw_torch_fused", learning_rate=OPTIMIZER.learning_rate, lr_scheduler_type="constant",
            weight_decay=OPTIMIZER.weight_decay, adam_beta1=OPTIMIZER.beta1, adam_beta2=OPTIMIZER.beta2,
            adam_epsilon=OPTIMIZER.epsilon, max_grad_norm=OPTIMIZER.gradient_clip, logging_steps=1,
            logging_nan_inf_filter=False, save_strategy="no", disable_tqdm=True, remove_unused_columns=False,
            dataloader_pin_memory=False, use_cpu=measure.device().type == "cpu",
        )  # fmt: skip
        return Ordered(model=_model(setting), args=arguments, train_dataset=_Windows(setting))
