"""Tables whose names an exporter has lost are found by the sum that they enter."""

import numpy as np
import pytest

from posembed import find_tables
from posembed.checkpoint.formats.onnx.file import open_onnx
from posembed.find.onnx_graph import KNOWN_POSITIONS, KNOWN_SEGMENTS, first_row, fixed_positions, graph_names
from posembed.layout import TableLayout
from tests.fixtures.onnx_files import embedding, onnx

NAMELESS = ("onnx::Gather_1", "onnx::Gather_2", "onnx::Gather_3")


@pytest.mark.parametrize(("position_ids", "reserved"), [("constant", 0), ("counted", 2)])
@pytest.mark.parametrize("names", [NAMELESS, ("a", "b", "x.position_embeddings.weight")])
def test_the_table_and_its_first_row(tmp_path, names, position_ids, reserved):
    onnx.save(embedding(names=names, position_ids=position_ids), tmp_path / "m.onnx")
    tables = {table.key: table for table in find_tables(tmp_path / "m.onnx")}
    table = tables[names[2]]
    assert table.layout == TableLayout(length=16 - reserved, reserved=reserved)
    assert not table.uncertain
    assert "segment" in tables[names[1]].refused
    assert names[0] not in tables


def test_names_of_a_plain_and_a_fused_sum(tmp_path):
    onnx.save(embedding(names=NAMELESS), tmp_path / "m.onnx")
    file = open_onnx(tmp_path / "m.onnx")
    assert graph_names(file) == {NAMELESS[1]: KNOWN_SEGMENTS, NAMELESS[2]: KNOWN_POSITIONS}
    model = embedding(names=NAMELESS)
    fused = onnx.helper.make_node(
        "EmbedLayerNormalization",
        ["input_ids", "", *NAMELESS[:1], NAMELESS[2], NAMELESS[1]],
        ["f"],
        domain="com.microsoft",
    )
    model.graph.node.append(fused)
    onnx.save(model, tmp_path / "fused.onnx")
    assert graph_names(open_onnx(tmp_path / "fused.onnx"))[NAMELESS[2]] == KNOWN_POSITIONS


def test_other_graphs_have_no_names_and_no_first_row(tmp_path):
    from onnx import TensorProto, helper, numpy_helper

    rows = numpy_helper.from_array(np.ones((4, 2), "f4"), "rows")
    node = helper.make_node("Gather", ["rows", "which"], ["y"])
    which = helper.make_tensor_value_info("which", TensorProto.INT64, ["n"])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    onnx.save(helper.make_model(helper.make_graph([node], "g", [which], [out], [rows])), tmp_path / "m.onnx")
    file = open_onnx(tmp_path / "m.onnx")
    assert graph_names(file) == {}
    assert first_row(file, "rows") is None
    assert first_row(file, "none") is None


@pytest.mark.parametrize(("position_ids", "fixed"), [("constant", None), ("counted", None), ("whole", 8)])
def test_how_many_rows_are_read_for_every_input(tmp_path, position_ids, fixed):
    onnx.save(embedding(names=NAMELESS, position_ids=position_ids), tmp_path / "m.onnx")
    file = open_onnx(tmp_path / "m.onnx")
    assert fixed_positions(file, NAMELESS[2]) == fixed
    assert fixed_positions(file, "none") is None


def test_numbers_that_count_the_patches_of_an_image_make_no_text_table(tmp_path):
    key = "m.vision_model.position_embedding.weight"
    onnx.save(embedding(names=("a", "b", key), position_ids="whole", rows=20), tmp_path / "m.onnx")
    table = next(table for table in find_tables(tmp_path / "m.onnx") if table.key == key)
    assert table.uncertain
    assert table.evidence[-1] == "the graph reads 10 rows, whatever its input"
