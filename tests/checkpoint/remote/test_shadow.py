"""The folder of empty files that stands for a checkpoint elsewhere."""

import gc
import tempfile

import pytest

from posembed.checkpoint.partial import partial_at
from posembed.checkpoint.remote.shadow import make_shadow
from posembed.checkpoint.remote.store import RemoteFile
from posembed.checkpoint.source import open_checkpoint
from posembed.errors import CheckpointError
from tests.fixtures.servers import write_bert


class Files:
    """A store of files in memory."""

    shown, inner = "org/model", ""

    def __init__(self, content):
        self.content = content

    def files(self):
        return {name: RemoteFile(name, len(data)) for name, data in self.content.items()}

    def size(self, name):
        return len(self.content[name])

    def read(self, name, begin, end):
        return self.content[name][begin:end]

    def download(self, names, observer):
        raise NotImplementedError


def test_names_that_lead_out_are_refused():
    with pytest.raises(CheckpointError, match="lies outside of its directory"):
        make_shadow(Files({"../evil": b""}))


def test_files_keep_their_names_and_have_no_content_of_their_own():
    shadow = make_shadow(Files({"config.json": b"{}", "onnx/model.onnx": b"abc"}))
    file = shadow.root / "onnx" / "model.onnx"
    assert (file.read_bytes(), partial_at(file).size, shadow.name(file), shadow.name(shadow.root)) == (
        b"", 3, "onnx/model.onnx", "",
    )  # fmt: skip
    shadow.close()
    assert not shadow.top.parent.exists()
    assert partial_at(file) is None


def test_nothing_is_left_when_the_checkpoint_is_gone(web, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # other tests run beside this one
    write_bert(web.folder / "bert")
    checkpoint = open_checkpoint(f"{web.url}/bert")
    top = checkpoint.shadow.top
    assert top.exists()
    del checkpoint
    gc.collect()
    assert not top.exists()
    (web.folder / "bert" / "config.json").write_text("{")
    with pytest.raises(CheckpointError):
        open_checkpoint(f"{web.url}/bert")
    assert list(tmp_path.glob("posembed-*")) == []
