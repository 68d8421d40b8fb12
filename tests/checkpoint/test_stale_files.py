"""Files that would still hold the old table are left out of the copy, and said to be; everything else is copied."""

import os

import pytest

from posembed import extend_checkpoint

STALE = [
    "pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json", "tf_model.h5",
    "flax_model.msgpack", "rust_model.ot", "model.onnx", "model.fp16.safetensors", "model_quantized.onnx",
    "consolidated.00.pth", "onnx/model.onnx", "onnx/model_int8.onnx", "openvino/openvino_model.xml", "optimizer.pt",
    "scheduler.pt", "rng_state.pth", "rng_state_0.pth", ".git/HEAD", ".cache/huggingface/download/x.metadata",
    "model.safetensors.index.json", "encoder.onnx", "encoder.onnx_data", "exports/a/text_q4.onnx.data",
    "exports/bert-q8.gguf", "my.tflite", "float32.mlpackage/Data/com.apple.CoreML/weights/weight.bin", "net.engine",
    "exports/onnx/config.json", "flax/weights.msgpack", "copy.h5", "traced.torchscript.pt",
    ".config.json.partial-0123abcd", ".config.json.partial-0123abcd.lock",
]  # fmt: skip
KEPT = [
    "README.md", "vocab.txt", "merges.txt", "1_Pooling/config.json", "training_args.bin", "special_tokens_map.json",
    "spiece.model", "tokenizer.model", "2_Dense/model.safetensors", "2_Dense/pytorch_model.bin", "notes/model.txt",
    "modeling_custom.py", ".gitattributes", "empty",
]  # fmt: skip


@pytest.mark.parametrize("link", [False, True])
def test_what_is_left_out(bert, tmp_path, link):
    for name in (*STALE, *KEPT):
        (bert / name).parent.mkdir(parents=True, exist_ok=True)
        (bert / name).write_text("" if name == "empty" else f"content of {name}")
    plan = extend_checkpoint(bert, tmp_path / "out", 32, link=link)
    assert sorted(entry["file"] for entry in plan.to_dict()["left_out"]) == sorted(STALE)
    assert all(reason for _, reason in plan.left_out)
    for name in STALE:
        assert not (tmp_path / "out" / name).exists(), name
    for name in KEPT:
        assert (tmp_path / "out" / name).read_bytes() == (bert / name).read_bytes(), name
    assert not any(not files and not folders for _, folders, files in os.walk(tmp_path / "out"))


@pytest.mark.parametrize(
    ("content", "stays"),
    [
        ('{"schema": "posembed.calibration", "schema_version": 1}', False),
        ('{"schema": "of another tool"}', True),
        ("[1, 2]", True),
        ("no JSON", True),
    ],
)
def test_the_record_of_a_calibration_is_of_the_old_table(content, stays, bert, tmp_path):
    (bert / "calibration.json").write_text(content)
    extend_checkpoint(bert, tmp_path / "out", 32)
    assert (tmp_path / "out" / "calibration.json").exists() is stays


def test_the_weights_that_were_read_stay_whatever_their_name(bert, tmp_path):
    (bert / "model.safetensors").rename(bert / "consolidated.safetensors")
    assert extend_checkpoint(bert, tmp_path / "out", 32).left_out == ()
    assert (tmp_path / "out" / "consolidated.safetensors").exists()
