"""NumPy archives: arrays of every kind are read as NumPy reads them, damaged and hostile ones refused."""

import io
import struct
import zipfile

import ml_dtypes
import numpy as np
import pytest

from posembed.checkpoint.formats.npz.file import open_npz
from posembed.errors import CheckpointError, InvalidArgumentError

ARRAYS = {
    "a/kernel": np.arange(6, dtype="<f4").reshape(2, 3),
    "big": np.arange(6, dtype=">f8").reshape(3, 2),
    "fortran": np.asfortranarray(np.arange(12, dtype="<f2").reshape(3, 4)),
    "number": np.array(3, "<i8"),
    "empty": np.empty((0, 4), "<f4"),
    "bf16": np.arange(4).astype(ml_dtypes.bfloat16),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_those_of_numpy(tmp_path, save):
    file = tmp_path / "w.npz"
    save(file, **ARRAYS, objects=np.array([{}], dtype=object), text=np.array(["a"]))
    opened = open_npz(file)
    assert {key: (t.shape, t.dtype) for key, t in opened.tensors.items()} == {
        "a/kernel": ((2, 3), "F32"),
        "big": ((3, 2), "F64"),
        "fortran": ((3, 4), "F16"),
        "number": ((), "I64"),
        "empty": ((0, 4), "F32"),
        "bf16": ((4,), "BF16"),
    }
    for key, values in ARRAYS.items():
        assert opened.read(key).tolist() == values.tolist()
        assert opened.read(key).shape == values.shape
    with pytest.raises(InvalidArgumentError, match="has no array 'x' among its 6"):
        opened.read("x")


def changed(data, start, new):
    return data[:start] + new + data[start + len(new) :]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "is not a NumPy archive, or a damaged one"),
        (lambda _: b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (lambda _: b"", "is not a NumPy archive"),
        # the directory says 2 GB
        (
            lambda data: changed(data, data.rfind(b"PK\x01\x02") + 20, struct.pack("<2L", 1 << 31, 1 << 31)),
            "larger than",
        ),
        (lambda data: data.replace(b"(2, 3000)", b"(2, 9000)"), "not as its shape"),
        (lambda data: data.replace(b"(2, 3000)", b"(2,-3000)"), "has the shape"),
        (lambda data: data.replace(b"(2, 3000)", b"exit(123)"), "or a damaged one"),
    ],
)
def test_damaged_archives_are_refused(tmp_path, damage, message):
    out = io.BytesIO()
    np.savez(out, a=np.ones((2, 3000), "<f4"))
    file = tmp_path / "w.npz"
    file.write_bytes(damage(out.getvalue()))
    with pytest.raises(CheckpointError, match=message):
        open_npz(file).read("a")


def test_numbers_that_do_not_match_their_checksum_are_refused(tmp_path):
    file = tmp_path / "w.npz"
    np.savez(file, a=np.full((4, 4), 7.0, "<f4"))
    data = file.read_bytes()
    file.write_bytes(changed(data, data.rfind(np.float32(7).tobytes()), b"\xff\xff"))
    with pytest.raises(CheckpointError, match="CRC"):
        open_npz(file).read("a")


def test_an_archive_without_numbers_and_one_with_a_name_twice(tmp_path):
    np.savez(tmp_path / "objects.npz", a=np.array([{}], dtype=object))
    with pytest.raises(CheckpointError, match="holds no array of numbers"):
        open_npz(tmp_path / "objects.npz")
    with zipfile.ZipFile(tmp_path / "twice.npz", "w") as archive:
        archive.writestr("a.npy", _npy(np.ones(2)))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.npy", _npy(np.ones(2)))
    with pytest.raises(CheckpointError, match="same name"):
        open_npz(tmp_path / "twice.npz")


def _npy(values):
    out = io.BytesIO()
    np.save(out, values)
    return out.getvalue()


def test_a_file_that_changes_is_not_read(tmp_path):
    file = tmp_path / "w.npz"
    np.savez(file, a=np.ones(3))
    opened = open_npz(file)
    np.savez(file, a=np.ones(4))
    with pytest.raises(CheckpointError, match="changed since it was opened"):
        opened.read("a")
