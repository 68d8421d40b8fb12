"""Names of GGUF tensors lead to tables of the right kind."""

import numpy as np
import pytest

from posembed import find_tables
from posembed.layout import TableLayout
from tests.fixtures.gguf_files import bert, gguf_bytes

ROWS = np.random.default_rng(0).normal(size=(17, 8)).astype("<f4")


def found(tmp_path, pairs, tensors):
    (tmp_path / "m.gguf").write_bytes(gguf_bytes(pairs, tensors))
    return {table.key: table for table in find_tables(tmp_path / "m.gguf")}


@pytest.mark.parametrize("family", ["bert", "gpt2", "starcoder", "an-unknown-one"])
def test_a_text_table(tmp_path, family):
    pairs, tensors = bert()
    pairs = {"general.architecture": family, f"{family}.context_length": 16}
    tables = found(tmp_path, pairs, tensors)
    table = tables["position_embd.weight"]
    assert (table.family, table.layout, table.uncertain) == (family, TableLayout(length=16), False)
    assert table.fields[0].name == f"{family}.context_length"
    assert "segment" in tables["token_types.weight"].refused


def test_an_image_projector(tmp_path):
    pairs = {"general.architecture": "clip", "clip.vision.image_size": 56, "clip.vision.patch_size": 14}
    tensors = {
        "v.position_embd.weight": ROWS,
        "v.class_embd": ROWS[0].copy(),
        "v.patch_embd.weight": np.ones((8, 3, 14, 14), "<f4"),
    }
    table = found(tmp_path, pairs, tensors)["v.position_embd.weight"]
    assert (table.layout, table.uncertain) == (TableLayout(grid=(4, 4), prefix=1), False)
    assert table.fields[0].name == "clip.vision.image_size"


def test_relative_positions_are_refused(tmp_path):
    tables = found(tmp_path, {"general.architecture": "t5"}, {"enc.blk.0.attn_rel_b.weight": ROWS})
    assert "relative" in tables["enc.blk.0.attn_rel_b.weight"].refused
