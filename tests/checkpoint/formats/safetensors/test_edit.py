"""Reading and rewriting, against the official package as an independent reader and writer."""

import json
import os
import struct

import ml_dtypes
import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import deserialize

from posembed.checkpoint.formats.safetensors.edit import read_header, read_tensor, read_values, write_rewritten
from posembed.checkpoint.formats.safetensors.header import DTYPES
from posembed.errors import CheckpointError, InvalidArgumentError


def build(path, tensors, metadata=None):
    """A file from ``{key: (dtype, shape, bytes)}``, its data in that order."""
    content, reached = {"__metadata__": metadata} if metadata else {}, 0
    for key, (dtype, shape, data) in tensors.items():
        content[key] = {"dtype": dtype, "shape": shape, "data_offsets": [reached, reached + len(data)]}
        reached += len(data)
    header = json.dumps(content).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"".join(data for *_, data in tensors.values()))
    return path


def official(path):
    """``{key: (dtype, shape, bytes)}`` as the official package reads them."""
    return {key: (t["dtype"], tuple(t["shape"]), bytes(t["data"])) for key, t in deserialize(path.read_bytes())}


def names(folder):
    return [path.name for path in folder.iterdir()]


BITS = st.sampled_from(sorted(DTYPES.items()))
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6).filter(lambda key: key != "__metadata__")


@st.composite
def tensors(draw):
    found = {}
    for key in draw(st.lists(KEYS, max_size=6, unique=True)):
        code, (bits, _) = draw(BITS)
        shape = [*draw(st.lists(st.integers(0, 3), max_size=2)), 8 if bits % 8 else draw(st.integers(0, 5))]
        found[key] = (code, shape, draw(st.binary(min_size=(n := int(np.prod(shape)) * bits // 8), max_size=n)))
    return found


@given(tensors(), st.dictionaries(KEYS, KEYS, max_size=2))
def test_every_dtype_and_shape_is_read_as_the_official_reader_does(tmp_path_factory, content, metadata):
    path = build(tmp_path_factory.mktemp("read") / "file", content, metadata)
    header = read_header(path)
    assert header.metadata == metadata
    assert list(header.tensors) == list(content)
    expected = official(path)
    assert {k: (e.dtype, e.shape, e.nbytes) for k, e in header.tensors.items()} == {
        k: (dtype, shape, len(data)) for k, (dtype, shape, data) in expected.items()
    }
    for key, entry in header.tensors.items():
        if DTYPES[entry.dtype][1] is None:
            with pytest.raises(CheckpointError, match="packed below a byte"):
                read_tensor(header, key)
        else:
            values = read_tensor(header, key)
            assert (values.shape, values.tobytes()) == expected[key][1:]


def test_values_are_those_of_torch(tmp_path):
    saved = {str(d): torch.arange(6).reshape(3, 2).to(d) for d in (torch.bfloat16, torch.float16, torch.float8_e4m3fn)}
    safetensors.torch.save_file(saved, tmp_path / "file")
    header = read_header(tmp_path / "file")
    for key, tensor in saved.items():
        np.testing.assert_array_equal(read_tensor(header, key).astype(np.float32), tensor.float().numpy())
    assert read_tensor(header, "torch.bfloat16").dtype == ml_dtypes.bfloat16
    single = build(tmp_path / "single", {"x": ("F32", [], struct.pack("<f", 2.5))})
    assert read_tensor(read_header(single), "x") == np.float32(2.5)


@pytest.mark.parametrize("rows", [slice(2), slice(1, 3), slice(None), slice(-1, None), slice(4, 1), slice(9, 12)])
def test_some_rows(tmp_path, rows):
    table = np.arange(20, dtype=np.float32).reshape(5, 4)
    header = read_header(build(tmp_path / "f", {"a": ("U8", [3], b"abc"), "t": ("F32", [5, 4], table.tobytes())}))
    np.testing.assert_array_equal(read_values(header, "t", rows), table[rows])


def test_some_rows_refused(tmp_path):
    header = read_header(build(tmp_path / "f", {"one": ("U8", [], b"a"), "wpe.weight": ("U8", [2], b"ab")}))
    with pytest.raises(InvalidArgumentError, match="no rows"):
        read_values(header, "one", slice(1))
    with pytest.raises(InvalidArgumentError, match="must not have a step"):
        read_values(header, "wpe.weight", slice(None, None, -1))
    with pytest.raises(InvalidArgumentError, match=r"no tensor 'wpe.wieght' among its 2; close names: wpe.weight"):
        read_tensor(header, "wpe.wieght")


@given(tensors(), st.dictionaries(KEYS, KEYS, max_size=1), st.data())
def test_a_rewrite_keeps_all_but_what_it_was_to_change(tmp_path_factory, content, metadata, data):
    folder = tmp_path_factory.mktemp("write")
    old = read_header(build(folder / "old", content, metadata))
    whole = [key for key, (code, *_) in content.items() if DTYPES[code][1] is not None]
    chosen = data.draw(st.lists(st.sampled_from(whole), unique=True)) if whole else []
    drop = (
        frozenset(data.draw(st.lists(st.sampled_from(rest))))
        if (rest := sorted({*content} - {*chosen}))
        else frozenset()
    )
    new_values = {key: np.zeros(data.draw(st.integers(0, 7)), DTYPES[content[key][0]][1]) for key in chosen}
    seen = []
    new = write_rewritten(old, folder / "new", new_values, drop=drop, progress=seen.append)
    expected = official(folder / "old")
    for key in drop:
        del expected[key]
    for key, values in new_values.items():
        expected[key] = (content[key][0], values.shape, values.tobytes())
    assert official(folder / "new") == expected
    assert list(new.tensors) == [key for key in content if key not in drop]
    assert new.metadata == metadata
    assert new.data_start % 8 == 0
    assert sum(seen) == new.file_size - new.data_start


def test_nothing_replaced_is_the_official_file_again_byte_for_byte(tmp_path):
    arrays = {"b": torch.ones(3, 2), "é": torch.zeros(0, 2), "a": torch.ones(3, dtype=torch.float16)}
    safetensors.torch.save_file(arrays, tmp_path / "old", metadata={"format": "pt"})
    write_rewritten(read_header(tmp_path / "old"), tmp_path / "new", {})
    assert (tmp_path / "new").read_bytes() == (tmp_path / "old").read_bytes()


def test_data_follows_the_offsets_not_the_names(tmp_path):
    content = {
        "a": {"dtype": "U8", "shape": [2], "data_offsets": [3, 5]},
        "b": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
    }
    text = json.dumps(content).encode()
    (tmp_path / "old").write_bytes(struct.pack("<Q", len(text)) + text + b"bbbaa")  # an unpadded header, as some write
    new = write_rewritten(read_header(tmp_path / "old"), tmp_path / "new", {"b": np.full(4, ord("c"), np.uint8)})
    assert (tmp_path / "new").read_bytes().endswith(b"ccccaa")
    assert list(new.tensors) == ["a", "b"]
    assert official(tmp_path / "new") == {"a": ("U8", (2,), b"aa"), "b": ("U8", (4,), b"cccc")}


def test_no_tensor_moves_to_an_odd_address(tmp_path):
    """Torch refuses to view float32 at an address that is not a multiple of 4; no padding is allowed."""
    old = build(tmp_path / "old", {"h": ("F16", [2], b"hhhh"), "w": ("F32", [1], b"wwww"), "u": ("U8", [4], b"uuuu")})
    write_rewritten(read_header(old), tmp_path / "new", {"h": np.zeros(3, np.float16)})
    assert (tmp_path / "new").read_bytes().endswith(b"wwww" + bytes(6) + b"uuuu")
    assert safetensors.torch.load_file(tmp_path / "new")["w"].shape == (1,)


@pytest.mark.parametrize("rows", [5, 1024, 100_000])
def test_most_bytes_stay_where_they_were_within_a_block(tmp_path, rows):
    """The kernel then copies whole blocks and, on file systems that can, shares them; the header has the spaces."""
    spec = {"few": ("U8", [9_000], bytes(9_000)), "t": ("U8", [1], b"t"), "most": ("U8", [10_000], bytes(10_000))}
    old = read_header(build(tmp_path / "old", spec))
    new = write_rewritten(old, tmp_path / "new", {"t": np.zeros(rows * 8 + 1, np.uint8)})
    before, after = (header.data_start + header.tensors["most"].begin for header in (old, new))
    assert (after - before) % 4096 == 0
    assert new.data_start < 8192
    assert official(tmp_path / "new")["most"] == ("U8", (10_000,), bytes(10_000))


def test_arrays_that_are_not_in_one_piece(tmp_path):
    path = build(tmp_path / "old", {"t": ("F32", [1, 1], b"1234"), "n": ("F32", [], b"1234")})
    values = np.arange(12, dtype=np.float32).reshape(3, 4).T[::2]
    new = write_rewritten(read_header(path), tmp_path / "new", {"t": values, "n": np.float32(7).reshape(())})
    np.testing.assert_array_equal(read_tensor(new, "t"), values)
    assert read_tensor(new, "n").shape == ()


def test_what_a_rewrite_refuses(tmp_path):
    header = read_header(build(tmp_path / "old", {"wpe": ("F32", [1], b"1234"), "p": ("I64", [1], b"12345678")}))
    new = tmp_path / "new"
    with pytest.raises(
        InvalidArgumentError, match=r"replacement of 'wpe' is float64, but the tensor is F32: cast it to float32"
    ):
        write_rewritten(header, new, {"wpe": np.zeros(2)})
    with pytest.raises(InvalidArgumentError, match=r"is >f4, but"):
        write_rewritten(header, new, {"wpe": np.zeros(2, ">f4")})
    with pytest.raises(InvalidArgumentError, match=r"no tensor 'wte'"):
        write_rewritten(header, new, {}, drop=frozenset({"wte"}))
    with pytest.raises(InvalidArgumentError, match="both replaced and dropped"):
        write_rewritten(header, new, {"p": np.zeros(2, np.longlong)}, drop=frozenset({"p"}))
    assert names(tmp_path) == ["old"]
    write_rewritten(header, new, {"wpe": np.zeros(2), "p": np.zeros(2, np.longlong)}, retyped=frozenset({"wpe"}))
    assert official(new)["wpe"] == ("F64", (2,), bytes(16))
    with pytest.raises(InvalidArgumentError, match="exists already"):
        write_rewritten(header, new, {})
    assert official(new)["wpe"][0] == "F64"


def test_metadata_can_be_replaced(tmp_path):
    header = read_header(build(tmp_path / "old", {"a": ("U8", [1], b"a")}, {"format": "pt"}))
    assert write_rewritten(header, tmp_path / "new", {}, metadata={"k": "é"}).metadata == {"k": "é"}
    assert write_rewritten(header, tmp_path / "none", {}, metadata={}).metadata == {}


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o444, 0o755])
def test_permission_bits_are_kept(tmp_path, mode):
    path = build(tmp_path / "old", {"a": ("U8", [1], b"a")})
    path.chmod(mode)
    write_rewritten(read_header(path), tmp_path / "new", {})
    assert (tmp_path / "new").stat().st_mode & 0o777 == mode


def test_a_file_that_changed_since_its_header_was_read(tmp_path):
    path = build(tmp_path / "old", {"a": ("U8", [4], b"aaaa")})
    header = read_header(path)
    os.truncate(path, header.file_size - 1)
    for act in (lambda: read_tensor(header, "a"), lambda: write_rewritten(header, tmp_path / "new", {})):
        with pytest.raises(CheckpointError, match="changed since its header was read"):
            act()
    assert names(tmp_path) == ["old"]


def test_a_file_that_changes_while_it_is_copied(tmp_path):
    path = build(tmp_path / "old", {"a": ("U8", [4], b"aaaa")})
    header = read_header(path)
    with pytest.raises(CheckpointError, match="changed since"):
        write_rewritten(header, tmp_path / "new", {}, progress=lambda _: os.utime(path, ns=(1, 1)))
    assert names(tmp_path) == ["old"]


def test_tensors_packed_below_a_byte_are_kept(tmp_path):
    spec = {"q": ("F4", [4, 2], b"abcd"), "r": ("F6_E2M3", [4], b"xyz"), "t": ("F32", [1], b"1234")}
    write_rewritten(read_header(build(tmp_path / "old", spec)), tmp_path / "new", {"t": np.ones(3, np.float32)})
    read = official(tmp_path / "new")
    assert (read["q"], read["r"]) == (("F4", (4, 2), b"abcd"), ("F6_E2M3", (4,), b"xyz"))
