"""A rewritten model: one file, the new constants, every other number as it was."""

import numpy as np
import pytest

from posembed.checkpoint.formats.onnx import rewrite
from posembed.checkpoint.formats.onnx.file import open_onnx
from posembed.errors import InvalidArgumentError, WorkFailedError
from tests.fixtures.onnx_files import embedding, onnx

LARGE = {"large": np.arange(40_000, dtype="f4").reshape(200, 200)}


@pytest.mark.parametrize("external", [False, True])
def test_only_what_is_named_changes(tmp_path, external):
    model = embedding(masks=LARGE)
    beside = {"save_as_external_data": True, "location": "w.data", "size_threshold": 0} if external else {}
    onnx.save(model, tmp_path / "m.onnx", **beside)
    source = open_onnx(tmp_path / "m.onnx")
    new = {"positions": np.concatenate([source.read("positions")] * 3), "ids": np.arange(48)[None]}
    counted = []
    rewrite.rewrite_onnx(source, tmp_path / "new.onnx", new, counted.append, full=True)
    onnx.checker.check_model(onnx.load(tmp_path / "new.onnx"))
    written = open_onnx(tmp_path / "new.onnx")
    assert written.parts == ()
    for name in source.tensors:
        assert (written.read(name) == new.get(name, source.read(name))).all()
    assert [node.op_type for node in written.graph.node] == [node.op_type for node in source.graph.node]
    assert sum(counted) == (tmp_path / "new.onnx").stat().st_size


def test_a_file_larger_than_the_format_is_refused(tmp_path, monkeypatch):
    onnx.save(embedding(masks=LARGE), tmp_path / "m.onnx")
    monkeypatch.setattr(rewrite, "MOST_IN_ONE_FILE", 1000)
    with pytest.raises(InvalidArgumentError, match="one ONNX file can have"):
        rewrite.rewrite_onnx(open_onnx(tmp_path / "m.onnx"), tmp_path / "new.onnx", {}, None, full=False)
    assert not (tmp_path / "new.onnx").exists()


def test_a_copy_that_differs_is_noticed(tmp_path, monkeypatch):
    onnx.save(embedding(masks=LARGE), tmp_path / "m.onnx")

    def wrong(_source, to, _at, count, _progress):
        rewrite.write_all(to, memoryview(b"!" * count))

    monkeypatch.setattr(rewrite, "copy_range", wrong)
    with pytest.raises(WorkFailedError, match="large differs from the source's"):
        rewrite.rewrite_onnx(open_onnx(tmp_path / "m.onnx"), tmp_path / "new.onnx", {}, None, full=False)
