"""Full disks, limits and large files."""

import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from posembed.checkpoint import copying
from posembed.checkpoint.formats.safetensors.edit import read_header, write_rewritten
from posembed.errors import CheckpointError, WorkFailedError


@pytest.fixture
def header(tmp_path):
    save_file({"a": np.ones(50_000, np.float32), "b": np.ones(4, np.uint8)}, tmp_path / "old")
    return read_header(tmp_path / "old")


def names(folder):
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("failing", ["copy_file_range", "write", "fchmod"])
@pytest.mark.parametrize(
    ("number", "says"),
    [
        (28, r"no space left on .* while writing .*new, which needs 200.1 kB \(2001\d\d bytes\) \(now .* are free\)"),
        (122, r"disk quota exceeded while writing .*new, which needs 200.1 kB .*make room"),
        (13, r"permission denied: .*new cannot be written"),
        (30, r"read-only file system: .*new cannot be written on /"),
        (5, r"writing .*new failed: Input/output error"),
    ],
)
def test_a_fault_of_the_disk_leaves_nothing(header, tmp_path, monkeypatch, failing, number, says):
    def fault(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(copying.os, failing, fault)
    if (failing, number) == ("copy_file_range", 5):  # which file has the fault? reading and writing tell
        monkeypatch.setattr(copying.os, "write", fault)
    with pytest.raises(WorkFailedError, match=says):
        write_rewritten(header, tmp_path / "new", {"b": np.zeros(9, np.uint8)})
    assert names(tmp_path) == ["old"]


def test_a_source_that_cannot_be_read_is_named_and_not_the_target(header, tmp_path, monkeypatch):
    def fault(*args, **kwargs):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(copying.os, "copy_file_range", fault)
    monkeypatch.setattr(copying.os, "preadv", fault)
    with pytest.raises(CheckpointError, match=r"old cannot be read at byte \d+ \(Input/output error\): check the disk"):
        write_rewritten(header, tmp_path / "new", {"b": np.zeros(9, np.uint8)})
    assert names(tmp_path) == ["old"]


def test_a_folder_that_is_not_there(header, tmp_path):
    with pytest.raises(WorkFailedError, match=r"writing .*new failed: No such file or directory"):
        write_rewritten(header, tmp_path / "missing" / "new", {})


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("a bug")])
def test_an_interrupt_leaves_nothing(header, tmp_path, error):
    def stop(count):
        raise error

    with pytest.raises(type(error)):
        write_rewritten(header, tmp_path / "new", {}, progress=stop)
    assert names(tmp_path) == ["old"]


def run(folder, code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=500)


def test_a_limit_on_the_size_of_files_leaves_nothing(header, tmp_path):
    done = run(
        tmp_path,
        """
import resource, signal
from pathlib import Path
from posembed.checkpoint.formats.safetensors.edit import read_header, write_rewritten
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
write_rewritten(read_header(Path("old")), Path("new"), {})
""",
    )
    assert "WorkFailedError: file too large: new (200.1 kB (2001" in done.stderr
    assert names(tmp_path) == ["old"]


@pytest.mark.parametrize("kernel", [True, False])
def test_memory_is_that_of_the_replacements(tmp_path, kernel):
    """A sparse file of 256 MB is rewritten and compared within a few megabytes beyond those of Python and NumPy."""
    size = 1 << 28
    text = json.dumps(
        {
            "big": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]},
            "wpe": {"dtype": "U8", "shape": [4], "data_offsets": [size, size + 4]},
        }
    ).encode()
    (tmp_path / "old").write_bytes(struct.pack("<Q", len(text)) + text)
    os.truncate(tmp_path / "old", 8 + len(text) + size + 4)
    done = run(
        tmp_path,
        f"""
import resource
from pathlib import Path
import numpy as np
from posembed.checkpoint import copying
from posembed.checkpoint.formats.safetensors.edit import compare_copied, read_header, write_rewritten
if not {kernel}:
    copying._kernel_copy = lambda *args: 0
old = read_header(Path("old"))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
new = write_rewritten(old, Path("new"), {{"wpe": np.ones(8, np.uint8)}})
compare_copied(old, new, full=True, replaced={{"wpe"}})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
""",
    )
    assert done.stderr == ""
    assert int(done.stdout) // (1024 if sys.platform == "darwin" else 1) < 32 << 10  # kilobytes
    new = load_file(tmp_path / "new")
    assert new["big"].shape == (size,)
    np.testing.assert_array_equal(new["wpe"], np.ones(8))
