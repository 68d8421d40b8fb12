"""Tiny models with their own processors: extended, loaded, and run on what the copy's processor makes of an input."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from posembed import extend_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

SMALL = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
IMAGE = {**SMALL, "image_size": 32, "patch_size": 8}
TEXT = {**SMALL, "vocab_size": 50, "max_position_embeddings": 64}
SQUARE = {"height": 32, "width": 32}

Call = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def pixels(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"pixel_values": inputs["pixel_values"]}


@dataclass(frozen=True)
class Case:
    """A model with its processor: how it is extended, what the processor then makes, how the model is called."""

    model: str
    config: Mapping[str, Any]
    processor: str
    settings: Mapping[str, Any]
    options: Mapping[str, Any]
    shape: tuple[int, ...]
    call: Call = pixels
    name: str = "pixel_values"
    values: Mapping[str, Any] = field(default_factory=dict)


SAM = {
    "vision_config": {
        "hidden_size": 32,
        "output_channels": 16,
        "num_pos_feats": 8,
        "num_hidden_layers": 2,
        "mlp_dim": 32,
        "num_attention_heads": 2,
        "image_size": 64,
        "patch_size": 8,
        "window_size": 3,
        "global_attn_indexes": [1],
    },
    "prompt_encoder_config": {"hidden_size": 16, "image_size": 64, "patch_size": 8},
    "mask_decoder_config": {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "mlp_dim": 32,
        "iou_head_hidden_dim": 16,
        "vit_dim": 32,
    },
}
SAM_PROCESSOR = {
    "size": {"longest_edge": 64},
    "pad_size": {"height": 64, "width": 64},
    "mask_size": {"longest_edge": 16},
    "mask_pad_size": {"height": 16, "width": 16},
}


def prompted(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """A point and a mask: a quarter of the image's side, whatever that is."""
    image = inputs["pixel_values"]
    mask = torch.randn(1, 1, image.shape[-2] // 8 * 4, image.shape[-1] // 8 * 4)
    return {"pixel_values": image, "input_points": torch.tensor([[[[5.0, 9.0]]]]), "input_masks": mask}


def with_text(tokens: int) -> Call:
    """Image tokens, as many as the processor's text would have, and one more."""
    return lambda inputs: {"pixel_values": inputs["pixel_values"], "input_ids": torch.tensor([[49] * tokens + [5]])}


def tiles(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The whole image in 6 × 6 patches; 12 × 12 of its tiles, 2 rows of padding left out, a token at each row's end."""
    both = {name: inputs[name] for name in ("pixel_values", "image_sizes")}
    return {**both, "input_ids": torch.tensor([[49] * (6 * 6 + 10 * (12 + 1)) + [5]])}


def sound(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"input_values": inputs["input_values"]}


VISION = {"vision_config": IMAGE, "text_config": TEXT, "image_token_id": 49}
LEFT_OVER = {**IMAGE, "image_size": 34, "model_type": "siglip_vision_model"}
LLAVA = {"text_config": {**TEXT, "model_type": "llama"}, "image_token_id": 49}

CASES = [
    Case("SamModel", SAM, "SamImageProcessorPil", SAM_PROCESSOR, {"image_size": 32}, (1, 3, 32, 32), prompted,
         values={"prompt_encoder_config.image_embedding_size": 4, "prompt_encoder_config.image_size": 32}),
    Case("SamModel", SAM, "SamImageProcessorPil", SAM_PROCESSOR, {"image_size": 96}, (1, 3, 96, 96), prompted),
    Case("SamHQModel", SAM, "SamImageProcessorPil", SAM_PROCESSOR, {"image_size": 96}, (1, 3, 96, 96), prompted),
    # The model's own image leaves two pixels over; so may the new one.
    Case("LlavaForConditionalGeneration",
         {**LLAVA, "vision_config": LEFT_OVER, "image_seq_length": 16, "vision_feature_select_strategy": "full"},
         "SiglipImageProcessorPil", {"size": {"height": 34, "width": 34}}, {"image_size": 53}, (1, 3, 53, 53),
         with_text(36), values={"vision_config.image_size": 53, "image_seq_length": 36}),
    Case("LlavaForConditionalGeneration",
         {**LLAVA, "vision_config": {**IMAGE, "model_type": "clip_vision_model"}, "image_seq_length": 16},
         "CLIPImageProcessorPil", {"size": {"shortest_edge": 36}, "crop_size": SQUARE}, {"image_size": 48},
         (1, 3, 48, 48), with_text(36), values={"image_seq_length": 36}),
    Case("InternVLForConditionalGeneration",
         {"vision_config": {**IMAGE, "image_size": [32, 32], "patch_size": [8, 8]}, "image_token_id": 49,
          "text_config": {**TEXT, "model_type": "llama"}, "downsample_ratio": 0.5, "image_seq_length": 4},
         "GotOcr2ImageProcessorPil", {"size": SQUARE, "crop_to_patches": False}, {"image_size": 48}, (1, 3, 48, 48),
         with_text(9), values={"image_seq_length": 9, "vision_config.image_size": [48, 48]}),
    Case("LlavaNextForConditionalGeneration",
         {**LLAVA, "vision_config": {**IMAGE, "model_type": "clip_vision_model"}, "image_seq_length": 16,
          "image_grid_pinpoints": [[32, 64], [64, 32], [64, 64]], "vision_feature_layer": -1},
         "LlavaNextImageProcessorPil",
         {"size": {"shortest_edge": 32}, "crop_size": SQUARE, "image_grid_pinpoints": [[32, 64], [64, 32], [64, 64]]},
         {"image_size": 48}, (1, 5, 3, 48, 48), tiles,
         values={"image_grid_pinpoints": [[48, 96], [96, 48], [96, 96]]}),
    Case("ViTModel", IMAGE, "ViTImageProcessorPil", {"size": SQUARE}, {"image_size": (48, 40)}, (1, 3, 48, 40)),
    Case("DPTForDepthEstimation",
         {**IMAGE, "num_hidden_layers": 4, "backbone_out_indices": [0, 1, 2, 3], "is_hybrid": False,
          "neck_hidden_sizes": [8, 8, 8, 8], "fusion_hidden_size": 8, "head_in_index": -1},
         "DPTImageProcessorPil", {"size": SQUARE}, {"image_size": 64}, (1, 3, 64, 64)),
    Case("VitPoseForPoseEstimation",
         {"backbone_config": {**IMAGE, "model_type": "vitpose_backbone", "image_size": [32, 24], "patch_size": [8, 8],
                              "out_features": ["stage1"]}, "num_labels": 3, "use_simple_decoder": True},
         "VitPoseImageProcessorPil", {"size": {"height": 32, "width": 24}}, {"image_size": (48, 40)}, (1, 3, 48, 40)),
    Case("ASTModel",
         {**SMALL, "patch_size": 16, "num_mel_bins": 32, "max_length": 64, "frequency_stride": 10, "time_stride": 10},
         "ASTFeatureExtractor", {"num_mel_bins": 32, "max_length": 64}, {"grid": (2, 3)}, (1, 36, 32), sound,
         "input_values", {"num_mel_bins": 32, "max_length": 36}),
    Case("ASTModel",
         {**SMALL, "patch_size": 16, "num_mel_bins": 32, "max_length": 64, "frequency_stride": 10, "time_stride": 10},
         "ASTFeatureExtractor", {"num_mel_bins": 32, "max_length": 64}, {"grid": (4, 5)}, (1, 64, 46), sound,
         "input_values", {"num_mel_bins": 46, "max_length": 64}),
]  # fmt: skip


def processor_class(name: str) -> Any:
    found = getattr(transformers, name, None)
    if found is None:
        pytest.skip(f"this version of transformers has no {name}")
    return found


def at(tree: Any, path: str) -> Any:
    for name in path.split("."):
        tree = tree[name]
    return tree


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.model}-{next(iter(case.options.values()))}")
def test_the_model_runs_on_what_its_processor_makes(case: Case, tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    torch.manual_seed(0)
    kind = getattr(transformers, case.model)
    kind(kind.config_class(**json.loads(json.dumps(case.config)))).save_pretrained(source)
    made_by = processor_class(case.processor)
    made_by(**case.settings).save_pretrained(source)
    extend_checkpoint(source, out, **case.options)
    settings = json.loads((out / "config.json").read_text())
    assert {name: at(settings, name) for name in case.values} == case.values
    model, info = kind.from_pretrained(out, output_loading_info=True)
    assert not any(info[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    processor = made_by.from_pretrained(out)
    generator = np.random.default_rng(0)
    if case.name == "pixel_values":
        picture = Image.fromarray(generator.integers(0, 255, (90, 120, 3), dtype=np.uint8))
        extra = {"boxes": [[[0.0, 0.0, 60.0, 90.0]]]} if "Pose" in case.model else {}
        inputs = processor(picture, return_tensors="pt", **extra)
    else:
        inputs = processor(generator.normal(size=16_000).astype(np.float32), sampling_rate=16_000, return_tensors="pt")
    assert tuple(inputs[case.name].shape) == case.shape
    with torch.no_grad():
        outputs = model.eval()(**case.call(inputs))
    tensors = [value for value in outputs.values() if isinstance(value, torch.Tensor)]
    assert tensors
    assert all(value.isfinite().all() for value in tensors)


VIDEO = {**SMALL, "image_size": 16, "patch_size": 8, "num_frames": 4}
FRAMES = {"num_frames": 4, "size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}}


@dataclass(frozen=True)
class Plain:
    """A model whose processor this environment may lack: its files are written by hand, and the copy's are read."""

    model: str
    config: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]]
    options: Mapping[str, Any]
    after: Mapping[str, Any]
    inputs: Callable[[Path], Mapping[str, Any]]


def clip(frames: int, side: int) -> Callable[[Path], Mapping[str, Any]]:
    """A video of as many frames and pixels as the copy's processor makes."""

    def inputs(out: Path) -> Mapping[str, Any]:
        settings = json.loads((out / "video_preprocessor_config.json").read_text())
        assert settings["num_frames"] == frames
        assert settings["crop_size"] == {"height": side, "width": side}
        return {"pixel_values": torch.randn(1, settings["num_frames"], 3, side, side)}

    return inputs


def tokens(length: int) -> Callable[[Path], Mapping[str, Any]]:
    return lambda _: {"input_ids": torch.arange(length)[None] % 40 + 3}


def patches(out: Path) -> Mapping[str, Any]:
    """One image in patches, padded to the processor's number of them."""
    most = json.loads((out / "preprocessor_config.json").read_text())["max_num_patches"]
    assert most == 64
    mask = torch.arange(most)[None] < 60
    return {
        "pixel_values": torch.randn(1, most, 3 * 8 * 8),
        "pixel_attention_mask": mask.long(),
        "spatial_shapes": torch.tensor([[6, 10]]),
    }


WHISPER = {
    "vocab_size": 50, "d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "num_mel_bins": 80, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1, "suppress_tokens": None,
    "begin_suppress_tokens": None,
}  # fmt: skip


def speech(out: Path) -> Mapping[str, Any]:
    """Two seconds of sound, as the copy's feature extractor cuts or pads it."""
    made_by = transformers.WhisperFeatureExtractor.from_pretrained(out)
    waves = np.random.default_rng(0).normal(size=32_000).astype(np.float32)
    features = made_by(waves, sampling_rate=16_000, return_tensors="pt").input_features
    assert tuple(features.shape) == (1, 80, 1000)
    return {"input_features": features, "decoder_input_ids": torch.tensor([[1, 5]])}


WINDOW = {
    "feature_extractor_type": "WhisperFeatureExtractor", "chunk_length": 30, "feature_size": 80, "hop_length": 160,
    "n_fft": 400, "n_samples": 480_000, "nb_max_frames": 3000, "sampling_rate": 16_000,
}  # fmt: skip

PLAIN = [
    Plain("WhisperModel", WHISPER, {"preprocessor_config": WINDOW},
          {"length": 500, "method": "crop", "tables": "encoder.embed_positions.weight"},
          {"config.max_source_positions": 500, "preprocessor_config.chunk_length": 10,
           "preprocessor_config.n_samples": 160_000, "preprocessor_config.nb_max_frames": 1000}, speech),
    Plain("TimesformerModel", VIDEO, {"video_preprocessor_config": FRAMES}, {"image_size": 32},
          {"config.image_size": 32, "config.num_frames": 4}, clip(4, 32)),
    Plain("TimesformerModel", VIDEO, {"video_preprocessor_config": FRAMES},
          {"length": 8, "tables": "embeddings.time_embeddings"},
          {"config.image_size": 16, "config.num_frames": 8}, clip(8, 16)),
    Plain("VivitModel", {**VIDEO, "tubelet_size": [2, 8, 8]}, {"video_preprocessor_config": FRAMES},
          {"length": 17, "tables": "embeddings.position_embeddings"}, {"config.num_frames": 8}, clip(8, 16)),
    Plain("DebertaModel",
          {**TEXT, "max_position_embeddings": 16, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]}, {},
          {"length": 32}, {"config.max_relative_positions": 16}, tokens(32)),
    Plain("DebertaV2Model",
          {**TEXT, "max_position_embeddings": 16, "relative_attention": True, "pos_att_type": ["c2p", "p2c"],
           "position_biased_input": True}, {}, {"length": 32}, {"config.max_relative_positions": 16}, tokens(32)),
    Plain("Siglip2VisionModel", {**SMALL, "num_patches": 16, "patch_size": 8},
          {"preprocessor_config": {"max_num_patches": 16, "patch_size": 8}}, {"image_size": 64},
          {"config.num_patches": 64}, patches),
]  # fmt: skip


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: f"{case.model}-{next(iter(case.options.values()))}")
def test_the_model_runs_at_the_new_size(case: Plain, tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    torch.manual_seed(0)
    kind = getattr(transformers, case.model)
    model = kind(kind.config_class(**json.loads(json.dumps(case.config))))
    for name, parameter in model.named_parameters():
        if "embedding" in name and not parameter.any():  # a table of zeros reads as one that was never trained
            torch.nn.init.normal_(parameter, std=0.02)
    model.save_pretrained(source)
    for name, content in case.files.items():
        (source / f"{name}.json").write_text(json.dumps(content))
    extend_checkpoint(source, out, **case.options)
    for place, value in case.after.items():
        file, _, name = place.partition(".")
        assert at(json.loads((out / f"{file}.json").read_text()), name) == value
    copy, info = kind.from_pretrained(out, output_loading_info=True)
    assert not any(info[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    with torch.no_grad():
        hidden = copy.eval()(**case.inputs(out)).last_hidden_state
    assert hidden.isfinite().all()
