"""PyTorch files: read without running code, nested state dicts found, anything else refused in one sentence."""

import pickle
import random

import numpy as np
import pytest
import torch

from posembed import extend_checkpoint, find_tables
from posembed.checkpoint.formats.pickle.index import read_pickle
from posembed.errors import CheckpointError, PosembedError


class Bomb:
    """Writes a file where it is unpickled by somebody careless."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return (open, (self.target, "w"))


@pytest.mark.parametrize("wrap", [lambda bomb: bomb, lambda bomb: {"wpe.weight": torch.ones(16, 8), "bomb": bomb}])
@pytest.mark.parametrize("zipped", [True, False])
def test_no_code_is_run(tmp_path, wrap, zipped):
    file, target = tmp_path / "model.bin", tmp_path / "ran"
    torch.save(wrap(Bomb(target)), file, _use_new_zipfile_serialization=zipped)
    for call in (find_tables, lambda path: extend_checkpoint(path, tmp_path / "out.bin", 32)):
        with pytest.raises(CheckpointError, match=r"Nothing was run; fetch the safetensors version") as caught:
            call(file)
        assert str(file) in str(caught.value)
    assert not target.exists()
    assert not (tmp_path / "out.bin").exists()


def test_a_plain_pickle_is_not_run_either(tmp_path):
    file = tmp_path / "model.bin"
    file.write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    with pytest.raises(CheckpointError):
        find_tables(file)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("names", [["state_dict"], ["model"], ["model", "module"], ["teacher"]])
def test_nested_state_dicts(tmp_path, names):
    loaded = {"wpe.weight": torch.randn(16, 8)}
    for name in reversed(names):
        loaded = {name: loaded, "epoch": 3}
    torch.save(loaded, tmp_path / "model.pth")
    assert [table.key for table in find_tables(tmp_path / "model.pth")] == ["wpe.weight"]
    extend_checkpoint(tmp_path / "model.pth", tmp_path / "out.pth", 32)
    written = torch.load(tmp_path / "out.pth", weights_only=True)
    for name in names:
        assert written["epoch"] == 3
        written = written[name]
    assert written["wpe.weight"].shape == (32, 8)


@pytest.mark.parametrize("content", [3, [], {}, {"a": 1}, {"model": {"a": 1}}, torch.ones(3), {"state_dict": None}])
def test_files_without_a_state_dict(tmp_path, content):
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="holds no state dict"):
        find_tables(tmp_path / "model.pt")


@pytest.mark.parametrize("content", [b"", b"\0", b"PK\x03\x04", b"\x80\x02.", b"text", b"\x80\x02]q\0.", b"\xff" * 99])
def test_files_that_are_nothing(tmp_path, content):
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model.bin: is no"):
        find_tables(tmp_path / "model.bin")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.filterwarnings("ignore")
def test_damaged_files_are_refused_or_read(tmp_path, zipped):
    torch.save({"wpe.weight": torch.randn(4, 2)}, tmp_path / "model.bin", _use_new_zipfile_serialization=zipped)
    whole = (tmp_path / "model.bin").read_bytes()
    draw = random.Random(0)
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            content[draw.randrange(len(content))] = draw.randrange(256)
        if draw.random() < 0.3:
            content = content[: draw.randrange(len(content))]
        (tmp_path / "damaged.bin").write_bytes(content)
        try:
            find_tables(tmp_path / "damaged.bin")
        except PosembedError as error:
            assert "damaged.bin" in str(error)  # noqa: PT017


def test_names_and_dtypes_as_safetensors_writes_them(tmp_path):
    tensors = {"a": torch.ones(2, 3), "b": torch.ones(4, dtype=torch.bfloat16), "c": torch.ones((), dtype=torch.int64)}
    torch.save(tensors, tmp_path / "model.bin")
    index = read_pickle(tmp_path / "model.bin").tensors
    assert [(t.key, t.shape, t.dtype) for t in index.values()] == [
        ("a", (2, 3), "F32"),
        ("b", (4,), "BF16"),
        ("c", (), "I64"),
    ]
    assert np.array_equal(index["a"].read(), np.ones((2, 3)))


def test_a_bfloat16_table(tmp_path):
    table = torch.randn(16, 8).bfloat16()
    torch.save({"wpe.weight": table}, tmp_path / "model.bin")
    extend_checkpoint(tmp_path / "model.bin", tmp_path / "out.bin", 32)
    assert torch.equal(torch.load(tmp_path / "out.bin", weights_only=True)["wpe.weight"], torch.cat((table, table)))
