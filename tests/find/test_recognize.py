"""From a name, a shape and a configuration to what the rows mean: one case for each way in which families differ."""

from pathlib import Path

import pytest

from posembed import TableLayout
from posembed.checkpoint.tensors import StoredTensor
from posembed.find.search import find_in

POSITION = "embeddings.position_embeddings.weight"


def one(config, key, shape):
    return find_in({key: StoredTensor(key, shape, "F32", Path("f"))}, config)[0]


SEQUENCES = [
    ("bert", {"max_position_embeddings": 512}, POSITION, 512, 0),
    ("roberta", {"max_position_embeddings": 514, "pad_token_id": 1}, POSITION, 514, 2),
    ("roberta", {"max_position_embeddings": 514}, POSITION, 514, 2),  # the family's default pad
    ("xlm-roberta", {"max_position_embeddings": 514, "pad_token_id": 3}, POSITION, 514, 4),
    ("lilt", {"max_position_embeddings": 514, "pad_token_id": 1}, POSITION, 514, 2),
    ("lilt", {"max_position_embeddings": 513}, POSITION, 513, 1),
    ("markuplm", {"max_position_embeddings": 512, "pad_token_id": 0}, POSITION, 512, 1),
    ("mpnet", {"max_position_embeddings": 514, "pad_token_id": 9}, POSITION, 514, 2),
    ("nystromformer", {"max_position_embeddings": 510}, POSITION, 512, 2),
    ("opt", {"max_position_embeddings": 2048}, "model.decoder.embed_positions.weight", 2050, 2),
    ("bart", {"max_position_embeddings": 1024}, "encoder.embed_positions.weight", 1026, 2),
    ("blenderbot", {"max_position_embeddings": 128}, "encoder.embed_positions.weight", 128, 0),
    ("whisper", {"max_target_positions": 448, "max_source_positions": 1500}, "model.decoder.embed_positions.weight",
        448, 0),
    ("gpt2", {"n_positions": 1024, "n_ctx": 1024}, "transformer.wpe.weight", 1024, 0),
    ("openai-gpt", {"n_positions": 512}, "positions_embed.weight", 512, 0),
    ("led", {"max_encoder_position_embeddings": 16384, "max_decoder_position_embeddings": 1024},
        "led.encoder.embed_positions.weight", 16384, 0),
    ("led", {"max_encoder_position_embeddings": 16384, "max_decoder_position_embeddings": 1024},
        "led.decoder.embed_positions.weight", 1024, 0),
]  # fmt: skip


@pytest.mark.parametrize(("family", "fields", "key", "rows", "reserved"), SEQUENCES)
def test_sequences(family, fields, key, rows, reserved):
    table = one({"model_type": family, **fields}, key, (rows, 8))
    assert (table.kind, table.uncertain, table.family) == ("sequence", False, family)
    assert table.layout == TableLayout(length=rows - reserved, reserved=reserved)


def test_a_shared_length_is_told_apart_by_its_sides_name():
    fields = {"max_encoder_position_embeddings": 1024, "max_decoder_position_embeddings": 1024}
    for side in ("encoder", "decoder"):
        table = one({"model_type": "led", **fields}, f"led.{side}.embed_positions.weight", (1024, 8))
        assert [rule.name for rule in table.fields] == [f"max_{side}_position_embeddings"]


GRIDS = [
    ("vit", {"image_size": 224, "patch_size": 16}, "vit.embeddings.position_embeddings", (1, 197, 8), {"grid": (14,
        14), "prefix": 1}),
    ("deit", {"image_size": 224, "patch_size": 16}, "deit.embeddings.position_embeddings", (1, 198, 8), {"grid": (14,
        14), "prefix": 2}),
    ("dinov2", {"image_size": 518, "patch_size": 14}, "embeddings.position_embeddings", (1, 1370, 8), {"grid": (37,
        37), "prefix": 1}),
    ("siglip_vision_model", {"image_size": 384, "patch_size": 14},
        "vision_model.embeddings.position_embedding.weight", (729, 8), {"grid": (27, 27)}),
    ("llama4_vision_model", {"image_size": 336, "patch_size": 14}, "vision_model.positional_embedding_vlm", (577, 8),
        {"grid": (24, 24), "suffix": 1}),
    ("yolos", {"image_size": [512, 864], "patch_size": 16, "num_detection_tokens": 100},
        "embeddings.position_embeddings", (1, 1829, 8),
     {"grid": (32, 54), "prefix": 1, "suffix": 100}),
    ("vitdet", {"image_size": 224, "pretrain_image_size": 112, "patch_size": 16}, "embeddings.position_embeddings",
        (1, 50, 8),
     {"grid": (7, 7), "prefix": 1}),
    ("audio-spectrogram-transformer", {"num_mel_bins": 128, "max_length": 1024, "patch_size": 16,
        "frequency_stride": 10, "time_stride": 10},
     "embeddings.position_embeddings", (1, 1214, 8), {"grid": (12, 101), "prefix": 2}),
    ("sam_vision_model", {"image_size": 1024, "patch_size": 16}, "vision_encoder.pos_embed", (1, 64, 64, 8),
        {"grid": (64, 64)}),
    ("qwen3_vl", {"num_position_embeddings": 2304, "patch_size": 16}, "visual.pos_embed.weight", (2304, 8),
        {"grid": (48, 48)}),
]  # fmt: skip


@pytest.mark.parametrize(("family", "fields", "key", "shape", "layout"), GRIDS, ids=[each[0] for each in GRIDS])
def test_grids(family, fields, key, shape, layout):
    table = one({"model_type": family, **fields}, key, shape)
    assert (table.kind, table.uncertain) == ("grid", False)
    assert table.layout == TableLayout(**layout)


def test_the_size_that_a_table_was_trained_at_comes_before_the_inputs():
    config = {"model_type": "vitdet", "image_size": 224, "pretrain_image_size": 224, "patch_size": 16}
    assert [rule.name for rule in one(config, "embeddings.position_embeddings", (1, 197, 8)).fields] == [
        "pretrain_image_size"
    ]


def test_text_and_image_tables_of_equal_size():
    """256 is a square: a text table must not become a grid, nor an image table a sequence."""
    config = {
        "model_type": "clip",
        "text_config": {"model_type": "clip_text_model", "max_position_embeddings": 256},
        "vision_config": {"model_type": "siglip_vision_model", "image_size": 256, "patch_size": 16},
    }
    text = one(config, "text_model.embeddings.position_embedding.weight", (256, 8))
    image = one(config, "vision_model.embeddings.position_embedding.weight", (256, 8))
    assert (text.layout, image.layout) == (TableLayout(length=256), TableLayout(grid=(16, 16)))


@pytest.mark.parametrize("rows", [256, 1024, 4096])
@pytest.mark.parametrize(
    "key", [POSITION, "transformer.wpe.weight", "bert.embeddings.visual_position_embeddings.weight"]
)
def test_a_square_number_of_positions_is_still_a_sequence(rows, key):
    field = "n_positions" if "wpe" in key else "max_position_embeddings"
    family = "visual_bert" if "visual" in key else "gpt2" if "wpe" in key else "bert"
    table = one({"model_type": family, field: rows}, key, (rows, 8))
    assert (table.kind, table.layout) == ("sequence", TableLayout(length=rows))


@pytest.mark.parametrize(
    ("key", "rows", "config", "kind"),
    [
        (
            "embeddings.x_position_embeddings.weight",
            1024,
            {"model_type": "layoutlm", "max_2d_position_embeddings": 1024},
            "axis",
        ),
        ("vision.row_embeddings.weight", 50, {"model_type": "detr_like"}, "axis"),
        ("embed_timestep.weight", 4096, {"model_type": "decision_transformer", "max_ep_len": 4096}, "time"),
    ],
)
def test_axes_and_time(key, rows, config, kind):
    table = one(config, key, (rows, 8))
    assert (table.kind, table.layout, table.refused) == (kind, TableLayout(length=rows), None)


def test_evidence_names_what_was_believed():
    table = one({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, POSITION, (514, 8))
    text = "; ".join(table.evidence)
    assert "rows 514 = max_position_embeddings" in text
    assert "reserved 2 = pad_token_id + 1" in text
    assert table.fields[0].name == "max_position_embeddings"


@pytest.mark.parametrize(
    ("pad", "reserved"),
    [(1, 2), (0, 1), (None, 2), (True, 2), ("1", 2), (1.0, 2), (-1, None), (-7, None), (600, None), (10**30, None)],
)
def test_pad_tokens_that_cannot_be(pad, reserved):
    """A pad that leaves no row for a position, or none before it, must not be believed."""
    table = one({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": pad}, POSITION, (514, 8))
    if reserved is None:
        assert table.uncertain or table.refused or table.layout.reserved == 0
    else:
        assert table.layout.reserved == reserved
