"""A rewritten archive: the new array as NumPy reads it, everything else byte for byte, and mistakes noticed."""

import resource
import zipfile

import numpy as np
import pytest

from posembed import extend_checkpoint
from posembed.checkpoint.formats.npz import rewrite
from posembed.checkpoint.formats.npz.file import open_npz
from posembed.errors import WorkFailedError

OTHERS = {
    "z": np.arange(100_000, dtype="<f4"),
    "objects": np.array([{"a": 1}], dtype=object),
    "step": np.array(7),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "V2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_only_the_named_array_changes(tmp_path, save, dtype, order):
    old, new = tmp_path / "old.npz", tmp_path / "new.npz"
    table = np.asarray(np.arange(6).reshape(3, 2), order=order)
    save(old, pos=table.astype("<i2").view("V2") if dtype == "V2" else table.astype(dtype), **OTHERS)
    old.chmod(0o640)
    source = open_npz(old)
    rows = np.concatenate([source.read("pos")] * 2)
    counted = []
    rewrite.rewrite_npz(source, new, {"pos": rows}, counted.append, full=True)
    written = np.load(new, allow_pickle=True)
    assert list(written) == ["pos", *OTHERS]
    assert written["pos"].shape == (6, 2)
    assert written["pos"].dtype == np.dtype(dtype)
    assert open_npz(new).read("pos").tobytes() == rows.tobytes()
    assert all(written[key].tolist() == values.tolist() for key, values in OTHERS.items())
    assert new.stat().st_mode & 0o777 == 0o640
    infos = [zipfile.ZipFile(file).infolist() for file in (old, new)]
    assert [i.compress_type for i in infos[0]] == [i.compress_type for i in infos[1]]
    assert sum(counted) == sum(info.file_size for info in infos[1])


def test_a_copy_that_differs_is_noticed(tmp_path, monkeypatch):
    np.savez(tmp_path / "old.npz", pos=np.ones((2, 2)), **OTHERS)
    source = open_npz(tmp_path / "old.npz")
    true = rewrite._blocks

    def flipped(content, most=None):
        return (block[:-1] + b"!" if most is None else block for block in true(content, most))

    monkeypatch.setattr(rewrite, "_blocks", flipped)
    with pytest.raises(WorkFailedError, match=r"'z\.npy' differs"):
        rewrite.rewrite_npz(source, tmp_path / "new.npz", {"pos": np.ones((4, 2))}, None, full=False)


def test_memory_does_not_grow_with_what_is_copied(tmp_path):
    import tracemalloc

    np.savez(tmp_path / "old.npz", pos=np.ones((2, 2)), z=np.zeros(8 << 20))
    source = open_npz(tmp_path / "old.npz")
    tracemalloc.start()
    rewrite.rewrite_npz(source, tmp_path / "new.npz", {"pos": np.ones((4, 2))}, None, full=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 << 20  # the array has 64 MiB


def test_a_full_disk_is_no_fault_of_the_source(tmp_path):
    source = tmp_path / "old.npz"
    np.savez(source, **{"transformer.wpe.weight": np.ones((16, 2)), **OTHERS})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(WorkFailedError, match=r"new\.npz .*; nothing was left behind") as caught:
            extend_checkpoint(source, tmp_path / "new.npz", 40)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "old.npz" not in str(caught.value)
    assert list(tmp_path.iterdir()) == [source]
