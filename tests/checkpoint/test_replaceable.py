"""``force`` replaces checkpoints, and nothing that somebody would miss."""

import os

import pytest

from posembed.checkpoint.replaceable import require_replaceable
from posembed.errors import InvalidArgumentError

# As sentence-transformers, timm, open_clip, diffusers, Trainer, the hub and posembed write them.
CHECKPOINTS = [
    ["config.json", "model.safetensors", "vocab.txt", "merges.txt", "tokenizer.json", "tokenizer_config.json",
     "special_tokens_map.json", "README.md", "generation_config.json", "chat_template.jinja"],
    ["modules.json", "config_sentence_transformers.json", "sentence_bert_config.json", "1_Pooling/config.json",
     "2_Dense/model.safetensors", "eval/similarity_evaluation_sts-dev_results.csv", "router_config.json"],
    ["config.json", "pytorch_model.bin", "model.safetensors"],
    ["open_clip_config.json", "open_clip_model.safetensors", "open_clip_pytorch_model.bin"],
    ["model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors",
     "scheduler/scheduler_config.json", "tokenizer/vocab.json"],
    ["config.json", "model-00001-of-00002.safetensors", "model.safetensors.index.json", "optimizer.pt", "scheduler.pt",
     "rng_state_0.pth", "trainer_state.json", "training_args.bin", "all_results.json", "runs/1/events.out.tfevents.1.a",
     "checkpoint-500/config.json"],
    ["config.json", "model.safetensors", ".gitattributes", "LICENSE", "LICENSE.txt", "NOTICE", "onnx/model.onnx",
     "onnx/model.onnx_data", "openvino/openvino_model.xml", "openvino/openvino_model.bin", "tf_model.h5",
     "flax_model.msgpack", "rust_model.ot", "64.tflite", "spiece.model", "tokenizer.model.v3", "source.spm",
     ".cache/huggingface/download/config.json.metadata", ".cache/huggingface/.gitignore", "modeling_own.py",
     "configuration_own.py"],
    ["config.json", "model.safetensors", "calibration.json", "length_aware.safetensors", "posembed.json"],
    ["whisper.pt"],
    ["CONFIG.JSON", "config.json", "weights.npz"],
]  # fmt: skip
FOREIGN = [
    "thesis.tex", "notes.txt", "thesis.md", "train.py", "data.csv", "results.json", "photo.png", "Makefile", "a.ipynb",
    "sub/thesis.tex", ".git/HEAD", "sub/.git/HEAD", ".env", ".ssh/config.json", ".cache/other/x.json", "paper.pdf",
    "setup.cfg", "docker-compose.yml", "model.safetensors.bak", "modeling.txt", "requirements-of-my-life.md",
]  # fmt: skip


MARKS = {
    "config.json": '{"model_type": "bert"}',
    "modules.json": '[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]',
    "model_index.json": '{"_class_name": "StableDiffusionPipeline"}',
}


def write(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(MARKS.get(name.lower(), f"content of {name}"))
    return folder


@pytest.mark.parametrize("names", CHECKPOINTS)
def test_checkpoints_may_be_replaced(tmp_path, names):
    write(tmp_path / "out", names)
    (tmp_path / "out" / "2_Normalize").mkdir()
    require_replaceable(tmp_path / "out", tmp_path / "source")


def test_files_and_empty_directories_may_be_replaced(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    for name in ("empty", "file"):
        require_replaceable(tmp_path / name, tmp_path / "source")


@pytest.mark.parametrize("name", FOREIGN)
def test_what_a_checkpoint_does_not_have_is_named(tmp_path, name):
    out = write(tmp_path / "out", ["config.json", "model.safetensors", name])
    named = name[: name.index(".git") + 4] if ".git/" in name else name
    with pytest.raises(InvalidArgumentError, match=rf"out holds {named}, which no checkpoint consists of: force=True"):
        require_replaceable(out, tmp_path / "source")


def test_many_are_counted(tmp_path):
    out = write(tmp_path / "out", ["config.json", *(f"{letter}.tex" for letter in "abcdef")])
    with pytest.raises(InvalidArgumentError, match=r"holds a.tex, b.tex, c.tex, d.tex and 2 more, which"):
        require_replaceable(out, tmp_path / "source")


def test_a_directory_without_weights_and_configuration_at_its_top_is_no_checkpoint(tmp_path):
    out = write(tmp_path / "out", ["model/config.json", "README.md"])
    with pytest.raises(
        InvalidArgumentError, match="out has neither weights nor the configuration of a model at its top"
    ):
        require_replaceable(out, tmp_path / "source")
    (tmp_path / "folders" / "of" / "folders").mkdir(parents=True)
    (tmp_path / "folders" / "config.json").mkdir()
    with pytest.raises(InvalidArgumentError, match="neither weights nor the configuration"):
        require_replaceable(tmp_path / "folders", tmp_path / "source")


@pytest.mark.parametrize(
    "content", ['{"name": "web", "port": 80}', "[1, 2]", "null", "{", "", "[" * 100_000, '"model_type"', b"\xff\xfe"]
)
def test_a_configuration_of_something_else_is_no_checkpoint(tmp_path, content):
    out = write(tmp_path / "out", ["README.md", "requirements.txt"])
    (out / "config.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InvalidArgumentError, match="neither weights nor the configuration of a model"):
        require_replaceable(out, tmp_path / "source")
    (out / "model.safetensors").touch()
    require_replaceable(out, tmp_path / "source")


def test_a_copy_of_a_file_of_the_source_is_not_lost(tmp_path):
    for folder in ("source", "out"):
        write(tmp_path / folder, ["config.json", "train_script.py", ".notes/x"])
    require_replaceable(tmp_path / "out", tmp_path / "source")
    (tmp_path / "out" / "train_script.py").write_text("content of train_scripT.py")
    with pytest.raises(InvalidArgumentError, match=r"holds train_script\.py, which"):
        require_replaceable(tmp_path / "out", tmp_path / "source")


def test_links_pipes_and_devices(tmp_path):
    out = write(tmp_path / "out", ["config.json"])
    blob = tmp_path / "blob"
    blob.write_text("x")
    (out / "model.safetensors").symlink_to("../blob")
    require_replaceable(out, tmp_path / "source")
    (out / "1_Pooling.bin").symlink_to(tmp_path)  # a directory under the name of a file
    with pytest.raises(InvalidArgumentError, match=r"holds 1_Pooling.bin, which"):
        require_replaceable(out, tmp_path / "source")
    (out / "1_Pooling.bin").unlink()
    os.mkfifo(out / "x.bin")
    with pytest.raises(InvalidArgumentError, match=r"holds x.bin, which"):
        require_replaceable(out, tmp_path / "source")
    with pytest.raises(InvalidArgumentError, match=r"x.bin is neither a file nor a directory"):
        require_replaceable(out / "x.bin", tmp_path / "source")


def test_what_a_killed_run_had_not_finished_is_not_lost(tmp_path):
    hidden = ".length_aware.safetensors.partial-0123abcd"
    out = write(tmp_path / "out", ["config.json", "model.safetensors", hidden, f"{hidden}.lock"])
    require_replaceable(out, tmp_path / "source")
    (out / ".thesis.partial-2").touch()
    with pytest.raises(InvalidArgumentError, match=r"out holds \.thesis\.partial-2, which"):
        require_replaceable(out, tmp_path / "source")
