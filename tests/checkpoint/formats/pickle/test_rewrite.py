"""A rewritten file holds the new tensors and settings, and everything else as it was."""

import argparse
import collections
import datetime
import pathlib
import warnings
import zipfile

import numpy as np
import pytest
import torch

from posembed.checkpoint.formats.pickle.index import read_pickle
from posembed.checkpoint.formats.pickle.rewrite import ALIGNMENT, rewrite_pickle
from posembed.errors import CheckpointError, WorkFailedError


class Small(torch.nn.Module):
    """A model that somebody pickled whole."""

    def __init__(self):
        super().__init__()
        self.wpe = torch.nn.Embedding(6, 4)


def tensors(zipped):
    base, tied = torch.arange(12.0), torch.randn(6, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        more = {
            "sparse": torch.eye(3).to_sparse(),
            "csr": torch.eye(3).to_sparse_csr(),
            "quantized": torch.quantize_per_tensor(torch.ones(2, 2), 0.1, 0, torch.qint8),
        }
    if zipped:
        more |= {"u16": torch.ones(2, dtype=torch.uint16), "f8": torch.ones(2, dtype=torch.float8_e4m3fn)}
    return {
        "wpe.weight": tied,
        "tied": tied,
        "view": base[3:9].view(2, 3).t(),
        "whole": base,
        "negated": torch._neg_view(torch.ones(2, 2)),
        "meta": torch.empty(3, 4, device="meta"),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "expanded": torch.ones(1, 4).expand(5, 4),
        **more,
    }


def settings():
    circle = [1]
    circle.append(circle)
    return {
        "args": argparse.Namespace(size=6, sizes=[1, 2, {"x": 1.5}]),
        "names": {1, 2},
        "when": datetime.datetime(2020, 1, 1),
        "where": pathlib.PurePosixPath("/a"),
        "array": np.arange(4),
        "big": 2**70,
        "ordered": collections.OrderedDict(a=1),
        "shape": torch.Size([2, 3]),
        "dtype": torch.float32,
        "long": "é" * 600,
        "circle": circle,
        "module": Small(),
    }


@pytest.mark.filterwarnings("ignore::UserWarning")  # about quantized tensors and their storages
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("protocol", [2, 4])
def test_everything_else_stays(tmp_path, zipped, protocol):
    content = {"model": tensors(zipped), **settings()}
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped, pickle_protocol=protocol)
    rows = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    rewrite_pickle(read_pickle(tmp_path / "a.pt"), tmp_path / "b.pt", {"wpe.weight": rows}, {("args", "size"): 9})
    result = torch.load(tmp_path / "b.pt", weights_only=False)
    model = result.pop("model")
    assert np.array_equal(model["wpe.weight"].numpy(), rows)
    assert model["tied"] is model["wpe.weight"]
    assert model["view"].untyped_storage().data_ptr() == model["whole"].untyped_storage().data_ptr()
    for key, old in content.pop("model").items():
        new = model[key]
        if key not in ("wpe.weight", "tied"):
            assert (new.shape, new.dtype, new.layout, new.is_neg(), new.device) == (
                *(old.shape, old.dtype, old.layout, old.is_neg(), old.device),
            )
            if old.device.type != "meta":
                assert torch.equal(plain(new), plain(old)), key
    assert result["args"] == argparse.Namespace(size=9, sizes=[1, 2, {"x": 1.5}])
    assert result["circle"][1] is result["circle"]
    assert np.array_equal(result["array"], content["array"])
    assert torch.equal(result["module"].wpe.weight, content["module"].wpe.weight)
    for key in set(content) - {"args", "circle", "array", "module"}:
        assert result[key] == content[key]
        assert type(result[key]) is type(content[key])


def plain(tensor):
    tensor = tensor.dequantize() if tensor.is_quantized else tensor
    return tensor.to_dense() if tensor.layout != torch.strided else tensor


def test_records_are_aligned_and_the_old_numbers_are_gone(tmp_path):
    torch.save({"wpe.weight": torch.ones(5, 4), "b": torch.ones(3), "c": torch.ones(7)}, tmp_path / "a.pt")
    rewrite_pickle(read_pickle(tmp_path / "a.pt"), tmp_path / "b.pt", {"wpe.weight": np.ones((50, 4), np.float32)}, {})
    with zipfile.ZipFile(tmp_path / "b.pt") as archive:
        assert archive.testzip() is None
        stored = [info for info in archive.infolist() if "/data/" in info.filename]
    assert sorted(info.file_size for info in stored) == [12, 28, 800]
    for record in read_pickle(tmp_path / "b.pt").opened.records.values():
        assert record.begin % ALIGNMENT == 0
    assert torch.load(tmp_path / "b.pt", mmap=True)["wpe.weight"].shape == (50, 4)


def test_negated_numbers_are_written_as_they_read(tmp_path):
    torch.save({"wpe.weight": torch._neg_view(torch.ones(3, 2))}, tmp_path / "a.pt")
    opened = read_pickle(tmp_path / "a.pt")
    rows = opened.tensors["wpe.weight"].read()
    assert (rows == -1).all()
    rewrite_pickle(opened, tmp_path / "b.pt", {"wpe.weight": np.concatenate((rows, rows))}, {})
    result = torch.load(tmp_path / "b.pt")["wpe.weight"]
    assert torch.equal(result, -torch.ones(6, 2))


class Scripted(torch.nn.Module):
    """A compiled model."""

    def __init__(self):
        super().__init__()
        self.positional_embedding = torch.nn.Parameter(torch.randn(17, 8))
        self.part = torch.nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add positions."""
        return x + self.positional_embedding


@pytest.mark.filterwarnings("ignore")
def test_torchscript_becomes_a_plain_state_dict(tmp_path):
    model = Scripted()
    torch.jit.save(torch.jit.script(model), tmp_path / "a.pt")
    rows = np.ones((33, 8), np.float32)
    rewrite_pickle(read_pickle(tmp_path / "a.pt"), tmp_path / "b.pt", {"positional_embedding": rows}, {})
    result = torch.load(tmp_path / "b.pt")
    assert type(result) is collections.OrderedDict
    assert result["positional_embedding"].shape == (33, 8)
    assert torch.equal(result["part.weight"], model.part.weight)


def test_a_source_that_changed_is_refused(tmp_path):
    torch.save({"wpe.weight": torch.ones(5, 4)}, tmp_path / "a.pt")
    opened = read_pickle(tmp_path / "a.pt")
    torch.save({"wpe.weight": torch.ones(6, 4)}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="changed since it was opened"):
        rewrite_pickle(opened, tmp_path / "b.pt", {"wpe.weight": np.ones((9, 4), np.float32)}, {})


def test_what_does_not_read_back_is_noticed(tmp_path, monkeypatch):
    torch.save({"wpe.weight": torch.ones(5, 4)}, tmp_path / "a.pt")
    opened = read_pickle(tmp_path / "a.pt")
    import posembed.checkpoint.formats.pickle.rewrite as module

    monkeypatch.setattr(module, "_as_bytes", lambda values: memoryview(b"\0" * values.nbytes))
    with pytest.raises(WorkFailedError, match="does not read back"):
        rewrite_pickle(opened, tmp_path / "b.pt", {"wpe.weight": np.ones((9, 4), np.float32)}, {})


SIZES = [(100, False, True), (1_000_000, False, False), (1_000_000, True, True)]


@pytest.mark.parametrize(("size", "full", "noticed"), SIZES)
def test_a_copied_byte_that_differs_is_noticed(tmp_path, monkeypatch, size, full, noticed):
    """Samples are the first, middle and last bytes of each storage; the damaged byte is a quarter into it."""
    torch.save({"wpe.weight": torch.ones(5, 4), "other": torch.ones(size)}, tmp_path / "a.pt")
    opened = read_pickle(tmp_path / "a.pt")
    import posembed.checkpoint.formats.pickle.rewrite as module

    blocks = module._blocks

    def damaged(descriptor, begin, count):
        for block in blocks(descriptor, begin, count):
            if count == 4 * size:
                block[count // 4] ^= 1
            yield block

    monkeypatch.setattr(module, "_blocks", damaged)

    def call():
        rows = np.ones((9, 4), np.float32)
        rewrite_pickle(opened, tmp_path / "b.pt", {"wpe.weight": rows}, {}, full=full)

    if noticed:
        with pytest.raises(WorkFailedError, match="differs from the source's"):
            call()
    else:
        call()
