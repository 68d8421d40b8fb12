"""How a reading becomes a table, and a look-alike its reason."""

from pathlib import Path

import pytest

from posembed import TableLayout
from posembed.checkpoint.tensors import StoredTensor
from posembed.find.config import nodes
from posembed.find.kinds import TableKind
from posembed.find.stored_layout import read_shape
from posembed.find.verdict import Reading, explained, found_table, guessed_family, look_alike, resize_of

TENSOR = StoredTensor("wpe.weight", (16, 8), "F16", Path("f"))


@pytest.mark.parametrize(
    ("key", "family"),
    [
        ("positional_embedding", "open_clip"),
        ("visual.positional_embedding", "open_clip"),
        ("my_positional_embedding", "unknown"),
        ("positional_embedding.weight", "unknown"),
        ("pos_embed", "timm"),
        ("stages.pos_embed.3", "timm"),
        ("pos_embed.weight", "unknown"),
        ("wpe.weight", "unknown"),
    ],
)
def test_families_by_name(key, family):
    assert guessed_family(key) == family


@pytest.mark.parametrize(
    ("family", "resize"),
    [
        ("timm/vit_base_patch16_224", ("bicubic", True, False)),
        ("timm", ("bicubic", True, False)),
        ("timm/hieradet_small", ("bicubic", False, False)),  # a special line stands before the general one
        ("timm/qwen3_vl", ("bilinear", False, True)),
        ("rf_detr_base", ("bicubic", True, False)),
        ("dinov2_with_registers", ("bicubic", True, False)),
        ("dpt", ("bilinear", False, False)),
        ("tipsv2_vision", ("bilinear", True, False)),
        ("vilt", ("bilinear", False, True)),
        ("siglip2_vision_model", ("bilinear", True, False)),
        ("lfm2_vl", ("bilinear", True, False)),
        ("qwen3_vl_moe", ("bilinear", False, True)),
        ("cosmos3_omni", ("bilinear", False, True)),
        ("idefics2", ("nearest", False, False)),
        ("smolvlm_vision", ("nearest", False, False)),
        ("sam3_vision", ("tile", False, False)),
        ("vit", ("bicubic", False, False)),
        ("unknown", ("bicubic", False, False)),
    ],
)
def test_how_families_resize(family, resize):
    assert resize_of(family) == resize


def test_a_reading_becomes_a_table():
    reading = Reading("gpt2", TableKind.SEQUENCE, TableLayout(length=16), ["a"], uncertain=True)
    table = found_table(TENSOR, read_shape((16, 8)), reading)
    assert (table.key, table.shape, table.dtype, table.file) == ("wpe.weight", (16, 8), "F16", Path("f"))
    assert (table.family, table.kind, table.layout) == ("gpt2", "sequence", TableLayout(length=16))
    assert (table.evidence, table.uncertain, table.refused, table.fields) == (("a",), True, None, ())
    assert table.stored.is_matrix
    unnamed = found_table(TENSOR, read_shape((16, 8)), Reading("", TableKind.SEQUENCE, TableLayout(length=16), []))
    assert (unnamed.family, unnamed.uncertain) == ("unknown", False)


@pytest.mark.parametrize(
    ("shape", "rows"), [((16, 8), 16), ((2, 3, 4), 6), ((8,), 8), ((), 1), ((0, 8), 1), ((1, 1, 1, 5), 1), ((0,), 1)]
)
def test_rows_of_a_look_alike(shape, rows):
    table = look_alike(StoredTensor("k", shape, "F32", Path("f")), nodes({}), "why")
    assert (table.layout, table.refused, table.evidence) == (TableLayout(length=rows), "why", ("why",))
    assert (table.kind, table.uncertain, table.usable_length) == ("none", False, 0)


def test_the_family_of_a_look_alike():
    tree = nodes({"model_type": "outer"})
    assert look_alike(TENSOR, tree, "why").family == "outer"
    assert look_alike(TENSOR, tree, "why", "inner").family == "inner"
    assert look_alike(TENSOR, tree, "why", "").family == ""
    assert look_alike(TENSOR, nodes({}), "why").family == "unknown"


def test_sentences():
    assert explained(16, "n_positions", 0) == "rows 16 = n_positions"
    assert explained(18, "n_positions", 2) == "rows 18 = n_positions + 2"
