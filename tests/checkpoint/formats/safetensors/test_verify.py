import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from posembed.checkpoint.formats.safetensors import verify
from posembed.checkpoint.formats.safetensors.edit import compare_copied, read_header, write_rewritten
from posembed.errors import CheckpointError


@pytest.fixture
def pair(tmp_path):
    """A file and its rewrite, in which ``wpe`` grew and ``gone`` went."""
    arrays = {"a": np.arange(40_000, dtype=np.int32), "none": np.zeros((0, 3)), "s": np.array(1.5, np.float32)}
    save_file(arrays | {"wpe": np.ones((4, 2)), "gone": np.ones(3)}, tmp_path / "old", metadata={"format": "pt"})
    old = read_header(tmp_path / "old")
    return old, write_rewritten(old, tmp_path / "new", {"wpe": np.zeros((8, 2))}, drop=frozenset({"gone"}))


CHANGED = {"replaced": {"wpe"}, "dropped": {"gone"}}


def flip(header, key, at):
    with header.path.open("r+b") as file:
        file.seek(header.data_start + header.tensors[key].begin + at)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))


@pytest.mark.parametrize("full", [True, False])
def test_a_good_rewrite_passes(pair, full, monkeypatch):
    monkeypatch.setattr(verify, "_WHOLE", 1000)
    seen = []
    compare_copied(*pair, full=full, **CHANGED, progress=seen.append)
    if full:
        assert sum(seen) == 160_000 + 4
    flip(pair[1], "wpe", 3)
    compare_copied(*pair, full=full, **CHANGED)


@given(at=st.integers(0, 160_000 - 1))
def test_every_flipped_bit_is_found_when_everything_is_compared(tmp_path_factory, at):
    folder = tmp_path_factory.mktemp("flip")
    save_file({"a": np.arange(40_000, dtype=np.int32), "b": np.ones(1)}, folder / "old")
    old = read_header(folder / "old")
    new = write_rewritten(old, folder / "new", {})
    flip(new, "a", at)
    with pytest.raises(CheckpointError, match=rf"new: tensor 'a' differs from .*old at its byte {at}, although"):
        compare_copied(old, new, full=True, replaced=())


@pytest.mark.parametrize("at", [0, 4095, 160_000 - 1, 160_000 - 4096])
def test_samples_always_have_the_edges(pair, at):
    flip(pair[1], "a", at)
    with pytest.raises(CheckpointError, match=f"tensor 'a' differs .* at its byte {at}"):
        compare_copied(*pair, full=False, samples=0, **CHANGED)


def test_samples_reach_the_middle(pair):
    flip(pair[1], "a", 80_000)
    compare_copied(*pair, full=False, samples=0, **CHANGED)
    with pytest.raises(CheckpointError, match=r"tensor 'a' differs .* at its byte 80000"):
        compare_copied(*pair, full=False, samples=64, seed=1, **CHANGED)


def test_the_headers_must_agree(pair):
    old, new = pair
    for changed, says in (
        ({"replaced": {"wpe"}}, "new lacks tensor 'gone' of .*old"),
        ({"replaced": {"wpe"}, "dropped": {"gone", "a"}}, "new has tensor 'a', which it should not have"),
        ({"replaced": {"a"}, "dropped": {"gone"}}, r"tensor 'wpe' is F64 \[8, 2\], but F64 \[4, 2\] in .*old"),
        ({**CHANGED, "metadata": {}}, "has unexpected metadata"),
    ):
        with pytest.raises(CheckpointError, match=says):
            compare_copied(old, new, full=False, **changed)


@pytest.mark.parametrize("which", [0, 1])
def test_a_file_that_shrank_meanwhile(pair, which):
    with pair[which].path.open("r+b") as file:
        file.truncate(pair[which].data_start + 100)
    with pytest.raises(CheckpointError, match=["old was truncated", "differs"][which]):
        compare_copied(*pair, full=True, **CHANGED)


def test_a_file_without_values(tmp_path):
    save_file({"none": np.zeros((0, 3))}, tmp_path / "old")
    old = read_header(tmp_path / "old")
    compare_copied(old, write_rewritten(old, tmp_path / "new", {}), full=False, replaced=())
