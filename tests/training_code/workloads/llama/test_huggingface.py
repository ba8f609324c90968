"""Weights and configuration as transformers reads and writes them: the same logits, both ways."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ml_contract.errors import ContractError
from ml_contract.workloads.llama import LLAMA_1_2B, LLAMA_TINY, MIXTRAL_8X7B, MIXTRAL_TINY, Llama, RopeScaling
from training_code.parallel.weights import initialize
from training_code.workloads.llama import configuration, huggingface
from training_code.workloads.llama.workload import LlamaWorkload

SHAPES = {
    "grouped": replace(LLAMA_TINY, export_dtype="float32"),
    "tied": replace(LLAMA_TINY, tied=True, export_dtype="float32"),
    "stretched": replace(
        LLAMA_TINY,
        rope_theta=500.0,
        rope_scaling=RopeScaling(factor=4.0, original_length=32),
        norm_epsilon=1e-6,
        export_dtype="float32",
    ),
    "mixture": replace(MIXTRAL_TINY, experts_per_token=3, export_dtype="float32"),
}
TOKENS = torch.randint(0, 256, (2, 48), generator=torch.Generator().manual_seed(5))


def ours(options: Llama, seed: int = 0) -> Any:
    workload = LlamaWorkload(options)
    model = workload.build()
    initialize(model, workload, seed)
    return model.eval()


def theirs(options: Llama) -> Any:
    import transformers

    torch.manual_seed(1)
    raw = configuration.configuration(options)
    if options.experts:
        return transformers.MixtralForCausalLM(transformers.MixtralConfig(**raw)).to(torch.float32).eval()
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**raw)).to(torch.float32).eval()


def loaded(folder: Path) -> Any:
    """What transformers makes of an artifact, all of it and nothing else."""
    import transformers

    model, report = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True
    )  # fmt: skip
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    return model.eval()


def differ(one: Any, other: Any) -> float:
    with torch.no_grad():
        return float((one(TOKENS) - other(TOKENS).logits).abs().max())


@pytest.mark.slow  # the import of transformers takes seconds
@pytest.mark.parametrize("name", SHAPES)
def test_transformers_loads_an_export_and_gives_the_same_logits(name: str, tmp_path: Path) -> None:
    model = ours(SHAPES[name])
    huggingface.write(tmp_path, SHAPES[name], model.state_dict())
    assert differ(model, loaded(tmp_path)) < 1e-5


@pytest.mark.slow  # the import of transformers takes seconds
@pytest.mark.parametrize("name", SHAPES)
def test_a_run_starts_from_what_transformers_saved(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = theirs(SHAPES[name])
    model.save_pretrained(tmp_path / "input/data/base", max_shard_size="300KB")
    assert len([*(tmp_path / "input/data/base").glob("*.safetensors")]) > 1, "several files and an index"
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    assert differ(ours(replace(SHAPES[name], pretrained="base")), model) < 1e-5


@pytest.mark.slow  # the import of transformers takes seconds
def test_routers_owe_for_one_sample_and_layer_what_transformers_says(tmp_path: Path) -> None:
    options = replace(SHAPES["mixture"], layers=1)
    model = ours(options)
    huggingface.write(tmp_path, options, model.state_dict())
    with torch.no_grad():
        found = loaded(tmp_path)(TOKENS[:1], output_router_logits=True).aux_loss
        _, unevenness = model.train()(TOKENS[:1])
    # There each of a token's choices counts as a token.
    assert float(found) == pytest.approx(options.experts_per_token * float(unevenness), rel=1e-5)


@pytest.mark.slow  # the import of transformers takes seconds
def test_a_large_export_is_cut_into_files_that_load_as_one(tmp_path: Path) -> None:
    options = SHAPES["grouped"]
    model = ours(options)
    huggingface.write(tmp_path, options, model.state_dict(), shard_bytes=300_000)
    files = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert len(files) > 2
    assert files[0] == f"model-00001-of-{len(files):05d}.safetensors"
    assert all((tmp_path / file).stat().st_size < 310_000 for file in files)
    index = json.loads((tmp_path / huggingface.INDEX).read_text())
    assert index["metadata"]["total_size"] == 4 * options.size.parameters
    assert differ(model, loaded(tmp_path)) < 1e-5
    read = huggingface.Pretrained(tmp_path, options)
    assert all(torch.equal(read.read(name, value.shape), value) for name, value in model.state_dict().items())


def test_bfloat16_halves_the_files(tmp_path: Path) -> None:
    for dtype in ("float32", "bfloat16"):
        (tmp_path / dtype).mkdir()
        huggingface.write(tmp_path / dtype, replace(LLAMA_TINY, export_dtype=dtype), ours(LLAMA_TINY).state_dict())
    sizes = [(tmp_path / dtype / huggingface.WEIGHTS).stat().st_size for dtype in ("float32", "bfloat16")]
    assert sizes[0] / sizes[1] == pytest.approx(2, rel=0.01)
    assert json.loads((tmp_path / "bfloat16/config.json").read_text())["torch_dtype"] == "bfloat16"


def test_the_published_configuration_of_llama_3_2_fits_its_shape() -> None:
    # meta-llama/Llama-3.2-1B, config.json, as published (transformers 4's form).
    published = {
        "architectures": ["LlamaForCausalLM"], "attention_bias": False, "head_dim": 64, "hidden_act": "silu",
        "hidden_size": 2048, "intermediate_size": 8192, "max_position_embeddings": 131072, "mlp_bias": False,
        "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 16, "num_key_value_heads": 8,
        "rms_norm_eps": 1e-05, "rope_theta": 500000.0, "tie_word_embeddings": True, "vocab_size": 128256,
        "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                         "original_max_position_embeddings": 8192, "rope_type": "llama3"},
    }  # fmt: skip
    configuration.compare(published, LLAMA_1_2B)
    with pytest.raises(ContractError, match="rope_scaling: got None"):
        configuration.compare({**published, "rope_scaling": None}, LLAMA_1_2B)


def test_the_published_configuration_of_mixtral_fits_its_shape() -> None:
    # mistralai/Mixtral-8x7B-v0.1, config.json, as published (transformers 4's form).
    published = {
        "architectures": ["MixtralForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2,
        "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 14336,
        "max_position_embeddings": 32768, "model_type": "mixtral", "num_attention_heads": 32, "num_experts_per_tok": 2,
        "num_hidden_layers": 32, "num_key_value_heads": 8, "num_local_experts": 8, "output_router_logits": False,
        "rms_norm_eps": 1e-05, "rope_theta": 1000000.0, "router_aux_loss_coef": 0.02, "sliding_window": None,
        "tie_word_embeddings": False, "vocab_size": 32000,
    }  # fmt: skip
    configuration.compare(published, MIXTRAL_8X7B)
    written = configuration.configuration(MIXTRAL_8X7B)
    assert {name: written[name] for name in ("router_aux_loss_coef", "num_local_experts")} == {
        "router_aux_loss_coef": 0.02, "num_local_experts": 8
    }  # fmt: skip
    for changes in ({"num_local_experts": 4}, {"num_experts_per_tok": 1}, {"sliding_window": 4096}):
        ((name, value),) = changes.items()
        with pytest.raises(ContractError, match=rf"config.json.{name}: got {value}"):
            configuration.compare({**published, **changes}, MIXTRAL_8X7B)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    huggingface.write(folder, LLAMA_TINY, ours(LLAMA_TINY).state_dict(), shard_bytes=300_000)
    return folder


def changed(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def forget(path: Path) -> None:
    index = json.loads(path.read_text())
    del index["weight_map"]["model.norm.weight"]
    path.write_text(json.dumps(index))


def read_all(folder: Path) -> None:
    read = huggingface.Pretrained(folder, LLAMA_TINY)
    for name, parameter in LlamaWorkload(LLAMA_TINY).build().named_parameters():
        read.read(name, parameter.shape)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), r"config.json: got .FileNotFoundError"),
        (lambda folder: (folder / "config.json").write_text("{"), r"config.json: got .JSONDecodeError"),
        (lambda folder: changed(folder / "config.json", vocab_size=300), r"config.json.vocab_size: got 300, but .*256"),
        (lambda folder: changed(folder / "config.json", model_type="qwen3"), r"config.json.model_type: got 'qwen3'"),
        (lambda folder: changed(folder / "config.json", head_dim=32), r"config.json.head_dim: got 32"),
        (lambda folder: changed(folder / "config.json", rope_theta=1e6), r"config.json.rope_theta: got 1000000.0"),
        (lambda folder: (folder / huggingface.INDEX).unlink(), r"it must hold model.safetensors or model"),
        (lambda folder: forget(folder / huggingface.INDEX), r"model.norm.weight: got None, but .* must hold every"),
        (lambda folder: cut(next(iter(sorted(folder.glob("*.safetensors"))))), r"safetensors: got .SafetensorError"),
        (lambda folder: next(iter(sorted(folder.glob("*.safetensors")))).unlink(), r"safetensors: got .FileNotFound"),
    ],
)  # fmt: skip
def test_pretrained_files_that_do_not_fit_are_one_line(
    exported: Path, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    folder = shutil.copytree(exported, tmp_path / "copy")
    damage(folder)
    with pytest.raises(ContractError, match=message) as refused:
        read_all(folder)
    assert "\n" not in str(refused.value)


def test_a_tensor_of_another_shape_is_refused(exported: Path) -> None:
    with pytest.raises(ContractError, match=r"model.norm.weight: got \(96,\), but .* makes it \(97,\)"):
        huggingface.Pretrained(exported, LLAMA_TINY).read("norm.weight", torch.Size([97]))
