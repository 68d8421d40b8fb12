"""Tiny models of `transformers`: saved, extended, loaded and run; what their rows mean is seen in what they read.

The layouts are stated here as the models behave, not read from ``families.py``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from posembed import TableLayout, extend_checkpoint, find_tables, plan_extension
from posembed.errors import InvalidArgumentError
from posembed.find.found import FieldRule

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

POSITION = "embeddings.position_embeddings.weight"
CLIP = "embeddings.position_embedding.weight"
SIDES = ("encoder.embed_positions.weight", "decoder.embed_positions.weight")

BERT = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
GPT = {"vocab_size": 50, "n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 16}
BOTH = {
    "vocab_size": 50,
    "d_model": 32,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
}
VIT = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": 32,
    "patch_size": 8,
}
SPECIAL = {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1}
AT_16, AT_17, AT_18 = ({"max_position_embeddings": n} for n in (16, 17, 18))


def ids(length: int) -> Tensor:
    return torch.arange(length)[None] % 40 + 5


def tokens(length: int) -> dict[str, Tensor]:
    return {"input_ids": ids(length)}


def pairs(length: int) -> dict[str, Tensor]:
    return {"input_ids": ids(length), "decoder_input_ids": ids(length)}


def boxes(length: int) -> dict[str, Tensor]:
    return {"input_ids": ids(length), "bbox": torch.zeros(1, length, 4, dtype=torch.int64)}


@dataclass
class Text:
    """A model with sequence tables, and the number of rows before the first position's in each."""

    model: str
    config: dict[str, Any]
    reserved: dict[str, int]
    usable: int = 16
    inputs: Callable[[int], dict[str, Any]] = tokens
    part: str = ""  # the submodule that is run
    to: int = 24
    inert: tuple[str, ...] = ()  # tables that these inputs do not reach


def bert_like(model: str, **more: Any) -> Text:
    return Text(model, BERT | AT_16 | more, {POSITION: 0})


def roberta_like(model: str, **more: Any) -> Text:
    return Text(model, BERT | AT_18 | {"pad_token_id": 1} | more, {POSITION: 2})


TEXTS = [
    bert_like("Bert"),
    bert_like("Albert", embedding_size=16),
    bert_like("Electra", embedding_size=16),
    bert_like("Deberta", position_biased_input=True),
    bert_like("DebertaV2", position_biased_input=True),
    bert_like("Ernie"),
    bert_like("MegatronBert"),
    bert_like("RoCBert", enable_pronunciation=False, enable_shape=False),
    bert_like("Splinter"),
    bert_like("Tapas"),
    bert_like("FNet"),
    bert_like("RemBert", input_embedding_size=16, output_embedding_size=16),
    bert_like("BigBird", attention_type="original_full", block_size=8),
    Text("DistilBert", {"vocab_size": 50, "dim": 32, "n_layers": 1, "n_heads": 2, "hidden_dim": 32} | AT_16,
     {POSITION: 0}),
    Text("LayoutLM", BERT | AT_16 | {"max_2d_position_embeddings": 32}, {POSITION: 0}, inputs=boxes),
    Text("Bros", BERT | AT_16 | {"hidden_size": 64}, {POSITION: 0},
     inputs=lambda n: boxes(n) | {"bbox": torch.zeros(1, n, 8)}),
    roberta_like("Roberta"),
    roberta_like("RobertaPreLayerNorm"),
    roberta_like("XLMRoberta"),
    roberta_like("XLMRobertaXL"),
    roberta_like("Camembert"),
    roberta_like("Data2VecText"),
    roberta_like("IBert", quant_mode=False),
    roberta_like("Esm", position_embedding_type="absolute", token_dropout=False),
    roberta_like("Xmod", languages=["en_XX"], default_language="en_XX"),
    roberta_like("MPNet"),
    Text("MPNet", BERT | AT_18 | {"pad_token_id": 7}, {POSITION: 2}),
    Text("Roberta", BERT | {"max_position_embeddings": 20, "pad_token_id": 3}, {POSITION: 4}),
    roberta_like("Longformer", attention_window=[4]),
    Text(
        "LayoutLMv3",
        BERT | AT_18 | {"pad_token_id": 1, "max_2d_position_embeddings": 32, "coordinate_size": 6, "shape_size": 4}
        | {"input_size": 32, "patch_size": 8},
        {POSITION: 2},
        inputs=boxes,
    ),
    Text(
        "Luke",
        BERT | AT_18 | {"pad_token_id": 1, "entity_vocab_size": 10, "entity_emb_size": 8},
        {POSITION: 2, "entity_embeddings.position_embeddings.weight": 0},
        inert=("entity_embeddings.position_embeddings.weight",),
    ),
    Text(
        "Lilt",
        BERT | AT_17 | {"hidden_size": 48, "pad_token_id": 0, "max_2d_position_embeddings": 32},
        {POSITION: 1, "layout_embeddings.box_position_embeddings.weight": 1},
        inputs=boxes,
    ),
    Text(
        "MarkupLM",
        BERT | AT_17 | {"max_xpath_tag_unit_embeddings": 8, "max_xpath_subs_unit_embeddings": 8, "max_depth": 3}
        | {"xpath_unit_hidden_size": 4, "pad_token_id": 0, "tag_pad_id": 7, "subs_pad_id": 7},
        {POSITION: 1},
    ),
    Text("Nystromformer", BERT | AT_16 | {"segment_means_seq_len": 4, "num_landmarks": 4}, {POSITION: 2}),
    Text("Yoso", BERT | AT_16 | {"use_expectation": True}, {POSITION: 2}),
    Text("Mra", BERT | {"max_position_embeddings": 64, "block_per_row": 1}, {POSITION: 2}, usable=64, to=128),
    Text("GPT2", GPT | SPECIAL, {"wpe.weight": 0}),
    Text("OpenAIGPT", GPT, {"positions_embed.weight": 0}),
    Text("GPTBigCode", GPT | SPECIAL, {"wpe.weight": 0}),
    Text("ImageGPT", GPT, {"wpe.weight": 0}),
    Text(
        "GPTNeo",
        {"vocab_size": 50, "hidden_size": 32, "num_layers": 2, "num_heads": 2, "window_size": 4}
        | {"attention_types": [[["global", "local"], 1]]} | AT_16 | SPECIAL,
        {"wpe.weight": 0},
    ),
    Text("OPT", BERT | AT_16 | {"ffn_dim": 32, "word_embed_proj_dim": 32}, {"decoder.embed_positions.weight": 2}),
    Text("BioGpt", BERT | AT_16, {"embed_positions.weight": 2}),
    Text("XLM", {"vocab_size": 50, "emb_dim": 32, "n_layers": 1, "n_heads": 2} | AT_16,
     {"position_embeddings.weight": 0}),
    Text("Flaubert", {"vocab_size": 50, "emb_dim": 32, "n_layers": 1, "n_heads": 2} | AT_16,
     {"position_embeddings.weight": 0}),
    Text("Bart", BOTH | AT_16, dict.fromkeys(SIDES, 2), inputs=pairs),
    Text("MBart", BOTH | AT_16, dict.fromkeys(SIDES, 2), inputs=pairs),
    Text("PLBart", BOTH | AT_16, dict.fromkeys(SIDES, 2), inputs=pairs),
    Text("Mvp", BOTH | AT_16, dict.fromkeys(SIDES, 2), inputs=pairs),
    Text("Blenderbot", BOTH | AT_16, dict.fromkeys(SIDES, 0), inputs=pairs),
    Text("BlenderbotSmall", BOTH | AT_16, dict.fromkeys(SIDES, 0), inputs=pairs),
    Text("BigBirdPegasus", BOTH | {"max_position_embeddings": 32, "attention_type": "original_full", "block_size": 8},
         dict.fromkeys(SIDES, 0), usable=32, to=40, inputs=pairs),
    Text(
        "LED",
        BOTH | {"attention_window": [4], "max_encoder_position_embeddings": 16, "max_decoder_position_embeddings": 16},
        dict.fromkeys(SIDES, 0),
        inputs=pairs,
    ),
    Text("TrOCRForCausalLM", {"vocab_size": 50, "d_model": 32, "decoder_layers": 1, "decoder_attention_heads": 2,
          "decoder_ffn_dim": 32} | AT_16, {"model.decoder.embed_positions.weight": 2}),
    Text(
        "Whisper",
        BOTH | SPECIAL | {"max_source_positions": 20, "max_target_positions": 16, "num_mel_bins": 8,
         "decoder_start_token_id": 0},
        {"decoder.embed_positions.weight": 0},
        inputs=lambda n: {"input_features": torch.ones(1, 8, 40), "decoder_input_ids": ids(n)},
    ),
    Text("BarkSemanticModel", {"input_vocab_size": 50, "output_vocab_size": 50, "hidden_size": 32, "num_layers": 1,
          "num_heads": 2, "block_size": 16}, {"position_embeds_layer.weight": 0}),
    Text("CLIPText", BERT | AT_16 | SPECIAL, {CLIP: 0}),
    Text("SiglipText", BERT | AT_16 | SPECIAL, {CLIP: 0}),
    Text("ClapTextModel", BERT | AT_18 | {"pad_token_id": 1, "projection_dim": 16}, {POSITION: 2}),
    Text("BlipText", BERT | AT_16 | {"encoder_hidden_size": 32, "is_decoder": False}, {POSITION: 0}),
    Text(
        "CLIP",
        {"text_config": BERT | AT_16 | SPECIAL, "vision_config": VIT, "projection_dim": 16},
        {"text_model." + CLIP: 0},
        part="text_model",
    ),
    Text(
        "Vilt",
        VIT | AT_18 | {"vocab_size": 50},
        {"embeddings.text_embeddings.position_embeddings.weight": 0},
        inputs=lambda n: {"input_ids": ids(n), "pixel_values": torch.ones(1, 3, 32, 32)},
        usable=18,
    ),
]  # fmt: skip


@dataclass
class Image:
    """A model with a grid: its layout at 32 × 32 pixels, and at the new size."""

    model: str
    config: dict[str, Any]
    key: str
    before: TableLayout
    after: TableLayout
    size: int | tuple[int, int] = 48
    part: str = ""
    more: tuple[str, ...] = ()  # other tables of the same layout
    own: bool = True  # the model can interpolate by itself: the same numbers must come out
    inputs: Callable[[Tensor], dict[str, Any]] = lambda pixels: {"pixel_values": pixels}


def square(prefix: int = 0) -> dict[str, TableLayout]:
    return {"before": TableLayout(grid=(4, 4), prefix=prefix), "after": TableLayout(grid=(6, 6), prefix=prefix)}


TALL = {"before": TableLayout(grid=(4, 4), prefix=1), "after": TableLayout(grid=(6, 4), prefix=1), "size": (48, 32)}
EMBED = "embeddings.position_embeddings"

IMAGES = [
    Image("ViT", VIT, EMBED, **square(1)),
    Image("ViT", VIT, EMBED, **TALL),
    Image("DeiT", VIT, EMBED, **square(2)),
    Image("Dinov2", VIT, EMBED, own=False, **square(1)),
    Image("Dinov2WithRegisters", VIT | {"num_register_tokens": 2}, EMBED, own=False, **square(1)),
    Image("DPT", VIT | {"backbone_out_indices": [0], "neck_hidden_sizes": [8], "reassemble_factors": [1]}, EMBED,
          own=False, **square(1)),
    Image("ViTMSN", VIT, EMBED, **square(1)),
    Image("IJepa", VIT, EMBED, **square(0)),
    Image("CLIPVision", VIT, CLIP, **square(1)),
    Image("SiglipVision", VIT, CLIP, **square(0)),
    Image("BlipVision", VIT, "embeddings.position_embedding", **square(1)),
    Image("CLIP", {"text_config": BERT | AT_16 | SPECIAL, "vision_config": VIT, "projection_dim": 16},
          "vision_model." + CLIP, part="vision_model", **square(1)),
    Image("Siglip", {"text_config": BERT | AT_16 | SPECIAL, "vision_config": VIT}, "vision_model." + CLIP,
          part="vision_model", **square(0)),
    Image("Yolos", VIT | {"image_size": [32, 32], "num_detection_tokens": 5, "num_hidden_layers": 3}, EMBED, own=False,
          more=("encoder.mid_position_embeddings",),
          before=TableLayout(grid=(4, 4), prefix=1, suffix=5), after=TableLayout(grid=(6, 6), prefix=1, suffix=5)),
    Image("Llama4VisionModel", VIT | {"vision_output_dim": 32, "projector_input_dim": 32, "projector_output_dim": 32,
          "pixel_shuffle_ratio": 0.5, "intermediate_size": 128}, "positional_embedding_vlm", own=False,
          before=TableLayout(grid=(4, 4), suffix=1), after=TableLayout(grid=(6, 6), suffix=1)),
    Image("Idefics2", {"vision_config": VIT, "image_token_id": 49, "text_config": {"model_type": "mistral",
          "num_key_value_heads": 1} | BERT, "perceiver_config": {"hidden_size": 32, "resampler_n_latents": 2,
          "resampler_depth": 1, "resampler_n_heads": 2, "resampler_head_dim": 16, "num_key_value_heads": 1}},
          "vision_model." + CLIP, part="vision_model", own=False, **square(0)),
    Image("SamVisionModel", {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 32,
          "patch_size": 8, "window_size": 2, "global_attn_indexes": [0], "mlp_dim": 32, "output_channels": 16},
          "vision_encoder.pos_embed", own=False, **square(0)),
    Image("Hiera", {"embed_dim": 16, "image_size": [32, 32], "patch_size": [7, 7], "patch_stride": [4, 4],
          "patch_padding": [3, 3], "depths": [1, 1, 1, 1], "num_heads": [1, 2, 4, 8], "query_stride": [2, 2],
          "masked_unit_size": [8, 8], "masked_unit_attention": [True, True, False, False]}, EMBED,
          before=TableLayout(grid=(8, 8)), after=TableLayout(grid=(16, 16)), size=64),
    Image("VitDet", VIT | {"pretrain_image_size": 32}, EMBED, own=False, **square(1)),
    Image("Vilt", VIT | AT_18 | {"vocab_size": 50}, EMBED, own=False,
          inputs=lambda pixels: {"input_ids": ids(4), "pixel_values": pixels}, **square(1)),
    Image("ASTModel", {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
          "patch_size": 8, "frequency_stride": 5, "time_stride": 5, "max_length": 43, "num_mel_bins": 28}, EMBED,
          before=TableLayout(grid=(5, 8), prefix=2), after=TableLayout(grid=(5, 12), prefix=2), own=False,
          inputs=lambda pixels: {"input_values": pixels[:, 0].permute(0, 2, 1)}),
]  # fmt: skip


def model_class(name: str) -> Any:
    transformers = importlib.import_module("transformers")
    known = [getattr(transformers, each, None) for each in (name, f"{name}Model")]
    return next(
        each for each in known if each is not None and hasattr(each, "from_pretrained") and hasattr(each, "forward")
    )


def saved(model: str, config: dict[str, Any], folder: Path) -> Any:
    """A model with random weights everywhere, saved and loaded again."""
    kind = model_class(model)
    made = kind(kind.config_class(**config))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(std=0.2)
    made.save_pretrained(folder)
    return loaded(model, folder)


def loaded(model: str, folder: Path) -> Any:
    found, report = model_class(model).from_pretrained(folder, output_loading_info=True)
    assert {name: list(keys) for name, keys in report.items() if keys} == {}
    return found.float().eval()


def run(model: Any, part: str, inputs: dict[str, Any], **more: Any) -> list[Tensor]:
    torch.manual_seed(0)
    output = (model.get_submodule(part) if part else model)(**inputs, **more)
    return [value for value in output.values() if isinstance(value, Tensor)]


def rows_read(model: Any, part: str, key: str, inputs: dict[str, Any]) -> list[int]:
    """The rows that change the output: those with a gradient."""
    table = model.get_parameter(key)
    outputs = run(model, part, inputs)
    total = sum((out * torch.randn(out.shape, generator=torch.Generator().manual_seed(1))).sum() for out in outputs)
    (gradient,) = torch.autograd.grad(total, table)
    return gradient.abs().sum(1).nonzero()[:, 0].tolist()


def grids(folder: Path) -> dict[str, TableLayout]:
    tables = [table for table in find_tables(folder) if table.refused is None and table.kind == "grid"]
    assert not any(table.uncertain for table in tables)
    return {table.key: table.layout for table in tables}


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: f"{case.model}-{case.usable}")
def test_texts(case: Text, tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    old = saved(case.model, case.config, source)
    found = {table.key: table for table in find_tables(source) if table.refused is None and table.kind == "sequence"}
    assert {key: table.layout.reserved for key, table in found.items()} == case.reserved
    assert not any(table.uncertain for table in found.values())
    for key, reserved in case.reserved.items():
        if key not in case.inert:
            assert found[key].usable_length == case.usable
            assert rows_read(old, case.part, key, case.inputs(case.usable)) == list(
                range(reserved, reserved + case.usable)
            )
    plan = extend_checkpoint(source, out, case.to, method="tile")
    assert {change.table.key for change in plan.tables} == set(case.reserved)
    new = loaded(case.model, out)
    with torch.no_grad():
        for before, after in zip(*(run(m, case.part, case.inputs(case.usable)) for m in (old, new)), strict=True):
            torch.testing.assert_close(after, before, rtol=0, atol=1e-6)
    for key, reserved in case.reserved.items():
        if key not in case.inert:
            rows = rows_read(new, case.part, key, case.inputs(case.to))
            assert rows == list(range(reserved, reserved + case.to))
        old_rows, new_rows = old.get_parameter(key), new.get_parameter(key)
        assert torch.equal(new_rows[: len(old_rows)], old_rows)


@pytest.mark.parametrize("case", IMAGES, ids=lambda case: f"{case.model}-{case.size}")
def test_images(case: Image, tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    old = saved(case.model, case.config, source)
    assert grids(source) == dict.fromkeys((case.key, *case.more), case.before)
    if case.model == "ASTModel":
        extend_checkpoint(source, out, grid=(5, 12))
        pixels = torch.randn(1, 3, 28, 63)
    else:
        extend_checkpoint(source, out, image_size=case.size)
        height, width = (case.size, case.size) if isinstance(case.size, int) else case.size
        pixels = torch.randn(1, 3, height, width)
    assert grids(out) == dict.fromkeys((case.key, *case.more), case.after)
    new = loaded(case.model, out)
    with torch.no_grad():
        outputs = run(new, case.part, case.inputs(pixels))
        assert all(output.isfinite().all() for output in outputs)
        if case.own:
            own = run(old, case.part, case.inputs(pixels), interpolate_pos_encoding=True)
            for ours, theirs in zip(outputs, own, strict=True):
                torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)
        elif case.model not in (
            "ASTModel",
            "Llama4VisionModel",
            "SamVisionModel",
        ):  # these resize whenever the size differs
            for ours, theirs in zip(outputs, run(old, case.part, case.inputs(pixels)), strict=True):
                torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)


T5 = {"vocab_size": 50, "d_model": 32, "d_kv": 16, "d_ff": 32, "num_layers": 1, "num_heads": 2}
SWIN = {"image_size": 32, "patch_size": 4, "embed_dim": 16, "depths": [1], "num_heads": [2], "window_size": 4}
LEVIT = {"image_size": 32, "hidden_sizes": [16, 16, 16], "num_attention_heads": [2, 2, 2], "depths": [1, 1, 1],
         "key_dim": [8, 8, 8]}  # fmt: skip
WAV = BERT | {
    "conv_dim": [8], "conv_stride": [2], "conv_kernel": [4], "num_feat_extract_layers": 1,
    "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
DETR = {
    "use_timm_backbone": False, "use_pretrained_backbone": False, "backbone": None, "num_queries": 6, "backbone_config":
    {"model_type": "resnet", "embedding_size": 8, "hidden_sizes": [8], "depths": [1], "out_features": ["stage1"]},
}  # fmt: skip
XLM = {"vocab_size": 50, "emb_dim": 32, "n_layers": 1, "n_heads": 2, "sinusoidal_embeddings": True}
MAE = {"decoder_hidden_size": 32, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2,
       "decoder_intermediate_size": 32}  # fmt: skip

ALIKES = [
    ("T5", T5, {}),
    ("Beit", VIT | {"use_relative_position_bias": True}, {"relative_position_bias_table": "distances"}),
    ("Swin", SWIN, {"relative_position_bias_table": "distances"}),
    ("Levit", LEVIT, {}),
    ("Wav2Vec2", WAV, {"pos_conv_embed": "convolution"}),
    ("RoFormer", BERT | {"embedding_size": 32, "max_position_embeddings": 16}, {"embed_positions": "sinusoid"}),
    ("Marian", BOTH | AT_16 | {"pad_token_id": 49, "decoder_start_token_id": 49}, {"embed_positions": "sinusoid"}),
    ("Pegasus", BOTH | AT_16, {"embed_positions": "sinusoid"}),
    ("FSMT", BOTH | AT_16 | {"src_vocab_size": 50, "tgt_vocab_size": 50, "langs": ["en", "de"]},
        {"embed_positions": "sinusoid"}),
    ("ViTMAE", VIT | MAE, {"position_embeddings": "sinusoid"}),
    ("DistilBert", {"vocab_size": 50, "dim": 32, "n_layers": 1, "n_heads": 2, "hidden_dim": 32,
        "sinusoidal_pos_embds": True},
     {POSITION: "sinusoid"}),
    ("XLM", XLM, {"position_embeddings.weight": "sinusoid"}),
    ("Flaubert", XLM, {"position_embeddings.weight": "sinusoid"}),
    ("Detr", DETR | {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 32,
        "decoder_ffn_dim": 32,
     "encoder_attention_heads": 2, "decoder_attention_heads": 2}, {"query_position_embeddings": "queries"}),
]  # fmt: skip


@pytest.mark.parametrize(("model", "config", "refused"), ALIKES, ids=[model for model, _, _ in ALIKES])
def test_look_alikes(model: str, config: dict[str, Any], refused: dict[str, str], tmp_path: Path) -> None:
    kind = model_class(model)
    kind(kind.config_class(**config)).save_pretrained(tmp_path / "source")
    found = find_tables(tmp_path / "source")
    assert [table.key for table in found if table.refused is None] == []
    for name, reason in refused.items():
        same = [table for table in found if name in table.key]
        assert same
        assert all(reason in str(table.refused) for table in same)
    if any(table.frozen is not None for table in found):  # tests/extension/test_targets_real_models.py extends them
        assert not any(table.frozen is not None and table.uncertain for table in found)
        return
    with pytest.raises(InvalidArgumentError, match="has no learned position table to extend"):
        extend_checkpoint(tmp_path / "source", tmp_path / "out", 1024)
    assert not (tmp_path / "out").exists()


def test_whisper_has_one_learned_and_one_fixed_table(tmp_path: Path) -> None:
    case = next(case for case in TEXTS if case.model == "Whisper")
    kind = model_class("Whisper")
    kind(kind.config_class(**case.config)).save_pretrained(tmp_path)
    (learned,) = (table for table in find_tables(tmp_path) if table.refused is None)
    (fixed,) = (table for table in find_tables(tmp_path) if table.refused is not None)
    assert learned.key == "decoder.embed_positions.weight"
    assert fixed.key == "encoder.embed_positions.weight"
    assert str(fixed.refused).startswith("a frozen sinusoid (fairseq formula), which posembed extend can compute")
    assert fixed.fields == (FieldRule("max_source_positions", "rows"),)
    assert not fixed.limits_text


@pytest.mark.parametrize(
    ("model", "config", "length", "reason"),
    [
        ("Canine", BERT | {"num_hash_functions": 2, "num_hash_buckets": 32, "local_transformer_stride": 8}
         | {"max_position_embeddings": 64}, 64, "hash buckets"),
        ("LED", BOTH | {"attention_window": [4], "max_encoder_position_embeddings": 16,
         "max_decoder_position_embeddings": 8}, 18,
          r"windowed attention needs lengths that are multiples of 4, and 18 is not"),
    ],
    ids=["Canine", "LED"],
)  # fmt: skip
def test_what_a_models_code_forbids(
    model: str, config: dict[str, Any], length: int, reason: str, tmp_path: Path
) -> None:
    saved(model, config, tmp_path / "source")
    assert plan_extension(tmp_path / "source", length).blocked
    with pytest.raises(InvalidArgumentError, match=reason):
        extend_checkpoint(tmp_path / "source", tmp_path / "out", length)
    assert not (tmp_path / "out").exists()
