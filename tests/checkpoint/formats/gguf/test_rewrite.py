"""A rewritten GGUF file: new rows and numbers, everything else as it was."""

import json

import numpy as np
import pytest

from posembed import extend_checkpoint
from posembed.checkpoint.formats.gguf import rewrite
from posembed.checkpoint.formats.gguf.file import open_gguf
from posembed.errors import CheckpointError, WorkFailedError
from tests.fixtures.gguf_files import bert, gguf_bytes

KEY = "position_embd.weight"


@pytest.mark.parametrize("alignment", [32, 256])
@pytest.mark.parametrize("dtype", ["<f4", "<f2"])
def test_the_whole_file(tmp_path, alignment, dtype):
    pairs, tensors = bert(dtype=dtype)
    (tmp_path / "m.gguf").write_bytes(gguf_bytes(pairs, tensors, alignment=alignment))
    source = open_gguf(tmp_path / "m.gguf")
    rows = np.concatenate([tensors[KEY]] * 3)
    counted = []
    settings = {("bert", "context_length"): 48}
    rewrite.rewrite_gguf(source, tmp_path / "new.gguf", {KEY: rows}, settings, counted.append, full=True)
    expected = gguf_bytes(pairs | {"bert.context_length": 48}, tensors | {KEY: rows}, alignment=alignment)
    assert (tmp_path / "new.gguf").read_bytes() == expected
    assert sum(counted) == rows.nbytes + sum(t.nbytes for name, t in tensors.items() if name != KEY)


def test_table_limit_and_tokenizer_change_together(tmp_path):
    tokenizer = {"truncation": {"max_length": 16, "stride": 0}, "padding": None, "model": {"vocab": {"ü": 0}}}
    pairs, tensors = bert(**{rewrite.TOKENIZER: json.dumps(tokenizer)})
    (tmp_path / "m.gguf").write_bytes(gguf_bytes(pairs, tensors))
    plan = extend_checkpoint(tmp_path / "m.gguf", tmp_path / "new.gguf", 64)
    new = open_gguf(tmp_path / "new.gguf")
    assert new.read(KEY).shape == (64, 8)
    assert new.read(KEY)[:16].tobytes() == tensors[KEY].tobytes()
    assert new.config["bert"]["context_length"] == 64
    changed = json.loads(new.header.metadata[rewrite.TOKENIZER].value)
    assert changed == tokenizer | {"truncation": {"max_length": 64, "stride": 0}}
    assert [change.name for change in plan.fields] == [
        "bert.context_length",
        "tokenizer.huggingface.json.truncation.max_length",
    ]


def test_a_number_that_does_not_fit_is_refused(tmp_path):
    (tmp_path / "m.gguf").write_bytes(gguf_bytes(*bert()))
    source = open_gguf(tmp_path / "m.gguf")
    for value in (1 << 40, "many", True):
        with pytest.raises(CheckpointError, match=r"bert\.context_length cannot become"):
            rewrite.rewrite_gguf(source, tmp_path / "n.gguf", {}, {("bert", "context_length"): value}, None, full=False)
    assert not (tmp_path / "n.gguf").exists()


def test_a_copy_that_differs_is_noticed(tmp_path, monkeypatch):
    (tmp_path / "m.gguf").write_bytes(gguf_bytes(*bert()))

    def wrong(_source, to, _at, count, _progress):
        rewrite.write_all(to, memoryview(b"!" * count))

    monkeypatch.setattr(rewrite, "copy_range", wrong)
    with pytest.raises(WorkFailedError, match="differs from the source's"):
        rewrite.rewrite_gguf(open_gguf(tmp_path / "m.gguf"), tmp_path / "n.gguf", {}, {}, None, full=False)


def test_a_copy_keeps_permissions_and_an_existing_file(tmp_path):
    (tmp_path / "m.gguf").write_bytes(gguf_bytes(*bert()))
    (tmp_path / "m.gguf").chmod(0o640)
    source = open_gguf(tmp_path / "m.gguf")
    rewrite.rewrite_gguf(source, tmp_path / "n.gguf", {}, {}, None, full=False)
    assert (tmp_path / "n.gguf").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "n.gguf").read_bytes() == (tmp_path / "m.gguf").read_bytes()
