"""What a graph has baked in follows the table, or the node that keeps it is named; ONNX Runtime runs the copy."""

import numpy as np
import pytest

from posembed import extend_checkpoint, plan_extension
from posembed.checkpoint.formats.onnx.file import open_onnx
from tests.fixtures.onnx_files import WIDTH, embedding, onnx, run

KEY = "x.position_embeddings.weight"
NAMES = ("words", "segments", KEY)


def saved(folder, **keywords):
    onnx.save(embedding(names=NAMES, **keywords), folder / "m.onnx")
    return folder / "m.onnx"


@pytest.mark.parametrize("position_ids", ["constant", "counted"])
def test_the_copy_runs_at_both_lengths(tmp_path, position_ids):
    file = saved(tmp_path, position_ids=position_ids)
    extend_checkpoint(file, tmp_path / "new.onnx", 40)
    source, copy = open_onnx(file), open_onnx(tmp_path / "new.onnx")
    ids = np.random.default_rng(0).integers(0, 40, (2, 40))
    words, segments, positions = (copy.read(name) for name in NAMES)
    first = 2 if position_ids == "counted" else 0
    expected = words[ids] + segments[0] + positions[first : first + 40]
    assert np.abs(run(tmp_path / "new.onnx", ids) - expected).max() < 1e-5
    short = ids[:, :12]
    assert (run(tmp_path / "new.onnx", short) == run(file, short)).all()
    assert source.read(KEY).tobytes() == positions[:16].tobytes()


@pytest.mark.parametrize("value", [True, -np.inf])
def test_masks_are_continued(tmp_path, value):
    mask = np.tril(np.ones((1, 1, 16, 16), bool)) if value is True else np.triu(np.full((16, 16), value, "f4"), 1)
    file = saved(tmp_path, masks={"val_7": mask})
    plan = extend_checkpoint(file, tmp_path / "new.onnx", 40)
    assert {buffer.key: buffer.rule.what for buffer in plan.buffers} == {
        "ids": "position numbers",
        "types": "token types",
        "val_7": "attention mask",
    }
    new = open_onnx(tmp_path / "new.onnx").read("val_7")
    assert new.shape == (*mask.shape[:-2], 40, 40)
    assert (new[..., :16, :16] == mask).all()


def node(kind, inputs):
    return onnx.helper.make_node(kind, inputs, ["out"], name=f"the_{kind}")


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"fixed": 16}, r"the input input_ids of m\.onnx has the fixed shape \[1, 16\]"),
        ({"position_ids": "whole"}, rf"m\.onnx reads 8 rows of {KEY} for every input: .* dynamic sequence axis"),
        (
            {"masks": {"to": np.array([1, 16, WIDTH])}, "more": [node("Reshape", ["y", "to"])]},
            r"the node the_Reshape \(Reshape\) of m\.onnx holds the old length in to",
        ),
        (
            {"masks": {"end": np.array([16])}, "more": [node("Slice", ["y", "zero", "end"])]},
            "the node the_Slice",
        ),
        (
            {
                "masks": {"folded": np.random.default_rng(1).normal(size=(1, 16, WIDTH)).astype("f4")},
                "more": [node("Add", ["y", "folded"])],
            },
            "the node the_Add",
        ),
    ],
)
def test_what_cannot_be_mended_is_named(tmp_path, keywords, sentence):
    plan = plan_extension(saved(tmp_path, **keywords), 40)
    with pytest.raises(Exception, match=sentence):
        plan.require_supported()


def test_the_same_numbers_elsewhere_are_no_obstacle(tmp_path):
    more = {"masks": {"axis": np.array([16])}, "more": [node("Slice", ["y", "axis", "axis"])]}
    file = saved(tmp_path, **more | {"more": []})
    assert plan_extension(file, 40).blocked == ()
