"""Files of every age are opened, and what is no PyTorch file is refused with what it is."""

import io
import pickle
import tarfile
import zipfile

import pytest
import torch

from posembed.checkpoint.formats.pickle.file import open_torch, storages_in
from posembed.checkpoint.formats.pickle.index import read_pickle
from posembed.errors import CheckpointError


def test_storages_are_found_once_however_often_they_are_used(tmp_path):
    base = torch.randn(6)
    torch.save({"a": base, "b": base[:3], "c": torch.ones(2)}, tmp_path / "a.pt")
    assert {ref.key for ref in storages_in(open_torch(tmp_path / "a.pt").root)} == {"0", "1"}


def refused(tmp_path, data, match):
    (tmp_path / "a.pt").write_bytes(data)
    with pytest.raises(CheckpointError, match=match):
        open_torch(tmp_path / "a.pt")


def test_other_files_are_named(tmp_path):
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as file:
        file.addfile(tarfile.TarInfo("storages"))
    refused(tmp_path, tar.getvalue(), "tar archive")
    refused(tmp_path, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull")
    refused(tmp_path, pickle.dumps({"a": 1}), "not one that torch wrote")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a/b", "c")
    refused(tmp_path, stream.getvalue(), "without a data.pkl")


def test_a_pickle_out_of_proportion_is_not_read(tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a/data.pkl", b"(" * (40 << 20))
    refused(tmp_path, stream.getvalue(), "out of proportion")


def test_a_small_compressed_file_of_many_marks(tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"(" * 50_000_000)
    refused(tmp_path, stream.getvalue(), "compressed")


def test_an_archive_that_was_renamed_or_packed_again(tmp_path):
    torch.save({"wpe.weight": torch.randn(4, 2)}, tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt") as old, zipfile.ZipFile(tmp_path / "b.pt", "w") as new:
        new.writestr("readme/note", "first")
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert list(read_pickle(tmp_path / "b.pt").tensors) == ["wpe.weight"]


def test_a_file_of_the_other_byte_order(tmp_path):
    torch.save({"a": torch.ones(2)}, tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt") as old, zipfile.ZipFile(tmp_path / "b.pt", "w") as new:
        for name in old.namelist():
            new.writestr(name, b"big" if name.endswith("byteorder") else old.read(name))
    with pytest.raises(CheckpointError, match="big-endian"):
        open_torch(tmp_path / "b.pt")


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.99])
def test_a_cut_off_file_of_the_old_format(tmp_path, keep):
    torch.save({"a": torch.ones(500)}, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    data = (tmp_path / "a.pt").read_bytes()
    refused(tmp_path, data[: int(len(data) * keep)], "broken one")


def test_a_file_that_changes_is_not_read(tmp_path):
    torch.save({"a": torch.ones(5)}, tmp_path / "a.pt")
    tensor = read_pickle(tmp_path / "a.pt").tensors["a"]
    torch.save({"a": torch.ones(50)}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="changed"):
        tensor.read()


class Scripted(torch.nn.Module):
    """A part of a compiled model."""

    def __init__(self):
        super().__init__()
        self.positional_embedding = torch.nn.Parameter(torch.randn(17, 8))
        self.layers = torch.nn.ModuleList([torch.nn.Linear(8, 8)])
        self.register_buffer("context_length", torch.tensor(17))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add positions."""
        return x + self.positional_embedding


@pytest.mark.filterwarnings("ignore")
def test_a_torchscript_archive_shows_its_state_dict(tmp_path):
    model = Scripted()
    torch.jit.save(torch.jit.script(model), tmp_path / "a.pt")
    opened = read_pickle(tmp_path / "a.pt")
    assert opened.opened.is_torchscript
    assert set(opened.tensors) == set(model.state_dict())
    for key, value in model.state_dict().items():
        assert torch.equal(torch.from_numpy(opened.tensors[key].read()), value)
