"""Initializers and constants of a model, inside of it and beside it."""

import numpy as np
import pytest

from posembed.checkpoint.formats.onnx.file import open_onnx
from posembed.errors import CheckpointError, InvalidArgumentError, MissingExtraError
from tests.fixtures.onnx_files import embedding, onnx

LARGE = {"large": np.arange(40_000, dtype="f4").reshape(200, 200)}


def saved(folder, model, **keywords):
    onnx.save(model, folder / "m.onnx", **keywords)
    return folder / "m.onnx"


@pytest.mark.parametrize("external", [False, True])
def test_values_are_those_of_the_package(tmp_path, external):
    model = embedding(masks=LARGE)
    beside = {"save_as_external_data": True, "location": "w.data", "size_threshold": 0} if external else {}
    file = saved(tmp_path, model, **beside)
    opened = open_onnx(file)
    assert [part.name for part in opened.parts] == (["w.data"] if external else [])
    expected = {proto.name: onnx.numpy_helper.to_array(proto) for proto in onnx.load(file).graph.initializer}
    for name, values in expected.items():
        assert (opened.read(name) == values).all()
        assert opened.tensors[name].shape == values.shape
    assert opened.read("ids").tolist() == [list(range(16))]
    assert len(opened.model.SerializeToString()) < 10_000  # without the large one
    with pytest.raises(InvalidArgumentError, match="has no initializer 'x'"):
        opened.read("x")


def test_external_data_must_be_there_inside_and_whole(tmp_path):
    file = saved(tmp_path, embedding(masks=LARGE), save_as_external_data=True, location="w.data", size_threshold=100)
    data = (tmp_path / "w.data").read_bytes()
    (tmp_path / "w.data").write_bytes(data[:-100])
    with pytest.raises(CheckpointError, match="it is cut off; fetch it again"):
        open_onnx(file)
    (tmp_path / "w.data").unlink()
    with pytest.raises(CheckpointError, match=r"its external data w\.data is not there"):
        open_onnx(file)
    file.write_bytes(file.read_bytes().replace(b"w.data", b"../../"))
    with pytest.raises(CheckpointError, match="refused as unsafe"):
        open_onnx(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs", "is a Git LFS pointer"),
        (b"\xff" * 50, "is not an ONNX model"),
        (b"", "is not an ONNX model"),
    ],
)
def test_other_content_is_refused(tmp_path, content, message):
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        open_onnx(tmp_path / "m.onnx")


def test_no_shorter_file_is_an_unexpected_error(tmp_path):
    data = embedding().SerializeToString()
    for end in range(0, len(data), 37):
        (tmp_path / "m.onnx").write_bytes(data[:end])
        try:
            open_onnx(tmp_path / "m.onnx")
        except CheckpointError:
            continue


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    import sys

    file = saved(tmp_path, embedding())
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r'run  pip install "posembed\[onnx\]"'):
        open_onnx(file)
