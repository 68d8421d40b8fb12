"""Fixed sinusoids of real models at another size: the same rows as the library builds there, and a model that runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from posembed import extend_checkpoint, extend_model, find_tables, plan_extension
from posembed.errors import InvalidArgumentError
from tests.find.test_search_real_models import (
    AT_16,
    BERT,
    BOTH,
    MAE,
    POSITION,
    SIDES,
    VIT,
    XLM,
    loaded,
    model_class,
    pairs,
    run,
    tokens,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

MAE_MODEL = "ViTMAEForPreTraining"
PADDED = {"pad_token_id": 49, "decoder_start_token_id": 49}
FSMT = {"src_vocab_size": 50, "tgt_vocab_size": 50, "langs": ["en", "de"], "pad_token_id": 1}
DISTIL = {"vocab_size": 50, "dim": 32, "n_layers": 1, "n_heads": 2, "hidden_dim": 32, "sinusoidal_pos_embds": True}
SOUND = BOTH | {"num_mel_bins": 8, "max_source_positions": 24, "max_target_positions": 16, "pad_token_id": 0}
SOUND |= {"bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}

TEXTS = {
    "RoFormer": (BERT | AT_16 | {"embedding_size": 32}, "max_position_embeddings", ["encoder.embed_positions.weight"]),
    "Marian": (BOTH | AT_16 | PADDED, "max_position_embeddings", SIDES),
    "Pegasus": (BOTH | AT_16, "max_position_embeddings", SIDES),
    "FSMT": (BOTH | AT_16 | FSMT, "max_position_embeddings", SIDES),
    "DistilBert": (DISTIL | AT_16, "max_position_embeddings", [POSITION]),
    "XLM": (XLM | AT_16, "max_position_embeddings", ["position_embeddings.weight"]),
    "Flaubert": (XLM | AT_16, "max_position_embeddings", ["position_embeddings.weight"]),
}


def built(model: str, config: dict[str, Any]) -> Any:
    """A model as the library builds it, with its own sinusoids."""
    torch.manual_seed(0)
    kind = model_class(model)
    return kind(kind.config_class(**config)).eval()


def built_mae(size: int) -> Any:
    """A ViT-MAE with the tables that published ones have; Transformers 5.23 leaves those of a new one at zero."""
    model = built(MAE_MODEL, VIT | MAE | {"image_size": size})
    model.vit.embeddings.patch_embeddings.projection._is_hf_initialized = False
    model.vit.embeddings.initialize_weights()
    model.decoder.initialize_weights(model.vit.embeddings.patch_embeddings.num_patches)
    return model


def sounds(positions: int) -> dict[str, Tensor]:
    return {"input_features": torch.randn(1, 8, 2 * positions), "decoder_input_ids": torch.tensor([[1, 5, 6]])}


def assert_rows_of(file: Path, fresh: Any, keys: Any) -> None:
    values = load_file(file)
    for key in keys:
        wanted = fresh.state_dict()[key]
        assert values[key].shape == wanted.shape
        torch.testing.assert_close(values[key], wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("length", [40, 10])
@pytest.mark.parametrize("model", TEXTS)
def test_texts(model: str, length: int, tmp_path: Path) -> None:
    config, field, keys = TEXTS[model]
    old = built(model, config)
    old.save_pretrained(tmp_path / "old")
    method = "auto" if length > 16 else "crop"
    plan = extend_checkpoint(tmp_path / "old", tmp_path / "new", length, method=method)
    assert [change.table.key for change in plan.tables] == sorted(
        keys, key=list(load_file(plan.tables[0].table.file)).index
    )
    assert {change.method for change in plan.tables} == {"sinusoid" if length > 16 else "crop"}
    assert json.loads((tmp_path / "new/config.json").read_text())[field] == length
    assert_rows_of(tmp_path / "new/model.safetensors", built(model, config | {field: length}), keys)
    new = loaded(model, tmp_path / "new")
    inputs = pairs if keys is SIDES else tokens
    with torch.no_grad():
        run(new, "", inputs(length))
        for ours, theirs in zip(run(new, "", inputs(10)), run(old, "", inputs(10)), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


@pytest.mark.parametrize(("positions", "method"), [(10, "crop"), (10, "sinusoid"), (36, "auto")])
def test_whispers_encoder_alone(positions: int, method: str, tmp_path: Path) -> None:
    """Short sounds need fewer rows (asked for in huggingface/transformers#25744); the texts' table stays."""
    built("Whisper", SOUND).save_pretrained(tmp_path / "old")
    (key,) = (table.key for table in find_tables(tmp_path / "old") if table.frozen is not None)
    plan = extend_checkpoint(tmp_path / "old", tmp_path / "new", positions, method=method, tables=[key])
    assert [(change.name, change.after) for change in plan.fields] == [("max_source_positions", positions)]
    fresh = built("Whisper", SOUND | {"max_source_positions": positions})
    assert_rows_of(tmp_path / "new/model.safetensors", fresh, [key])
    if positions < 24:  # no row was computed
        assert torch.equal(load_file(tmp_path / "new/model.safetensors")[key], fresh.state_dict()[key])
    with torch.no_grad():
        run(loaded("Whisper", tmp_path / "new"), "", sounds(positions))


def test_a_length_for_whisper_is_its_texts_alone(tmp_path: Path) -> None:
    built("Whisper", SOUND).save_pretrained(tmp_path / "old")
    plan = plan_extension(tmp_path / "old", 40)
    assert [change.table.key for change in plan.tables] == ["decoder.embed_positions.weight"]
    with pytest.raises(
        InvalidArgumentError, match=r"is shorter already \(16\)\. Fixed sinusoids .*encoder.*24 positions"
    ):
        plan_extension(tmp_path / "old", 20, method="crop")


def test_whispers_feature_extractor_follows(tmp_path: Path) -> None:
    from transformers import WhisperFeatureExtractor

    built("Whisper", SOUND | {"max_source_positions": 150}).save_pretrained(tmp_path / "old")
    WhisperFeatureExtractor(feature_size=8, chunk_length=3).save_pretrained(tmp_path / "old")
    (key,) = (table.key for table in find_tables(tmp_path / "old") if table.frozen is not None)
    extend_checkpoint(tmp_path / "old", tmp_path / "new", 50, method="crop", tables=[key])
    extractor = WhisperFeatureExtractor.from_pretrained(tmp_path / "new")
    assert (extractor.chunk_length, extractor.n_samples, extractor.nb_max_frames) == (1, 16000, 100)
    features = extractor([0.0] * 5000, sampling_rate=16000, return_tensors="pt").input_features
    with torch.no_grad():
        loaded("Whisper", tmp_path / "new")(input_features=features, decoder_input_ids=torch.tensor([[1]]))
    (note,) = plan_extension(tmp_path / "old", 60, method="crop", tables=[key]).notes
    assert "chunk_length stays 3, because 60 rows are 1.2 seconds" in note


@pytest.mark.parametrize("size", [48, 24, (24, 48)])
def test_vit_mae(size: Any, tmp_path: Path) -> None:
    """Encoder and decoder share the image's size: both change, or none."""
    built_mae(32).save_pretrained(tmp_path / "old")
    keys = [table.key for table in find_tables(tmp_path / "old") if table.frozen is not None]
    assert len(keys) == 2
    if isinstance(size, tuple):
        assert "one number" in plan_extension(tmp_path / "old", image_size=size).blocked[0]
        return
    plan = extend_checkpoint(tmp_path / "old", tmp_path / "new", image_size=size)
    assert {change.table.key for change in plan.tables} == set(keys)
    assert {change.method for change in plan.tables} == {"sinusoid"}
    assert_rows_of(tmp_path / "new/model.safetensors", built_mae(size), keys)
    with torch.no_grad():
        loaded(MAE_MODEL, tmp_path / "new")(torch.randn(1, 3, size, size))
    alone = plan_extension(tmp_path / "old", image_size=size, tables=[keys[0]])
    assert alone.blocked == (f"image_size sizes both {keys[0]} and {keys[1]}: they can only change together",)


def test_a_vit_mae_that_was_never_filled(tmp_path: Path) -> None:
    built(MAE_MODEL, VIT | MAE).save_pretrained(tmp_path / "old")
    plan = extend_checkpoint(tmp_path / "old", tmp_path / "new", image_size=48)
    assert len(plan.tables) == 2
    with torch.no_grad():
        loaded(MAE_MODEL, tmp_path / "new")(torch.randn(1, 3, 48, 48))


def test_rows_that_were_trained_follow_no_formula(tmp_path: Path) -> None:
    """One of two tables that share the size is no formula any more: the work is refused before anything is written."""
    model = built_mae(32)
    with torch.no_grad():
        model.decoder.decoder_pos_embed.normal_()
    model.save_pretrained(tmp_path / "old")
    assert plan_extension(tmp_path / "old", image_size=48).blocked == (
        "image_size sizes both vit.embeddings.position_embeddings and decoder.decoder_pos_embed: they can only change "
        "together, and decoder.decoder_pos_embed cannot be extended: a frozen two-dimensional sinusoid",
    )


def test_one_row_beyond_the_sample_is_found_before_anything_is_written(tmp_path: Path) -> None:
    model = built("RoFormer", BERT | {"max_position_embeddings": 128, "embedding_size": 32})
    with torch.no_grad():
        model.encoder.embed_positions.weight[100, 3] += 0.1
    model.save_pretrained(tmp_path / "old")
    with pytest.raises(InvalidArgumentError, match=r"encoder\.embed_positions\.weight: .* none of the known formulas"):
        extend_checkpoint(tmp_path / "old", tmp_path / "new", 256)
    assert not (tmp_path / "new").exists()


def test_a_named_sinusoid_is_computed_unless_a_method_is_chosen(tmp_path: Path) -> None:
    module = built_mae(32)
    (change, _) = extend_model(
        module, image_size=48, tables=["vit.embeddings.position_embeddings", "decoder.decoder_pos_embed"]
    )
    assert change.method == "sinusoid"
    built_mae(32).save_pretrained(tmp_path)
    keys = [table.key for table in find_tables(tmp_path)]
    methods = [
        change.method for change in plan_extension(tmp_path, image_size=48, tables=keys, method="bilinear").tables
    ]
    assert methods == ["bilinear", "bilinear"]


def test_length_aware_positions_add_nothing_to_a_sinusoid(tmp_path: Path) -> None:
    config, _, _ = TEXTS["DistilBert"]
    built("DistilBert", config).save_pretrained(tmp_path / "old")
    with pytest.raises(InvalidArgumentError, match=r"is a fixed sinusoid: .* nothing to add"):
        extend_checkpoint(tmp_path / "old", tmp_path / "new", 40, length_aware=True)


def test_a_model_in_memory_with_a_table_that_cannot_follow() -> None:
    model = built("Beit", VIT | {"use_absolute_position_embeddings": True, "use_relative_position_bias": True})
    with pytest.raises(
        InvalidArgumentError, match=r"image_size sizes both .*relative_position_bias_table: they can only"
    ):
        extend_model(model, image_size=48)
    assert model.embeddings.position_embeddings.shape[1] == 17


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype: torch.dtype, tmp_path: Path) -> None:
    config, field, keys = TEXTS["Marian"]
    built("Marian", config).to(dtype).save_pretrained(tmp_path / "old")
    extend_checkpoint(tmp_path / "old", tmp_path / "new", 40)
    values = load_file(tmp_path / "new/model.safetensors")
    fresh = built("Marian", config | {field: 40}).state_dict()
    for key in keys:
        assert values[key].dtype == dtype
        assert torch.equal(values[key], fresh[key].to(dtype))


@pytest.mark.parametrize(("model", "config", "size"), [
    ("RoFormer", TEXTS["RoFormer"][0], {"length": 40}),
    (MAE_MODEL, VIT | MAE, {"image_size": 48}),
])  # fmt: skip
def test_in_memory(model: str, config: dict[str, Any], size: dict[str, int]) -> None:
    module = built_mae(32) if model == MAE_MODEL else built(model, config)
    keys = [change.table.key for change in extend_model(module, **size)]
    fresh = built_mae(48) if model == MAE_MODEL else built(model, config | {"max_position_embeddings": 40})
    for key in keys:
        torch.testing.assert_close(module.state_dict()[key], fresh.state_dict()[key], rtol=0, atol=1e-5)
        assert not module.get_parameter(key).requires_grad
    with torch.no_grad():
        run(module, "", tokens(40) if model == "RoFormer" else {"pixel_values": torch.randn(1, 3, 48, 48)})
