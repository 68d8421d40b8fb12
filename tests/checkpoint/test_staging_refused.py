"""Targets that must not be written, and processes that are killed midway."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from posembed.checkpoint.staging import staged_directory, staged_file
from posembed.errors import InvalidArgumentError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A folder with a source, files and links of all kinds; the current directory is ``cwd/here``."""
    (tmp_path / "source" / "sub").mkdir(parents=True)
    (tmp_path / "source" / "model").write_text("weights")
    (tmp_path / "cache" / "blobs").mkdir(parents=True)
    (tmp_path / "cache" / "blobs" / "abc").write_text("weights")
    (tmp_path / "cache" / "snapshot").mkdir()
    (tmp_path / "cache" / "snapshot" / "model").symlink_to("../blobs/abc")
    (tmp_path / "link").symlink_to("source")
    (tmp_path / "dangling").symlink_to("gone")
    (tmp_path / "file").write_text("a file")
    (tmp_path / "cwd" / "here").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "cwd" / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


REFUSED = [
    ("source", "source", "is the source .*source itself"),
    ("source/../source", "source", "is the source"),
    ("source", "link", "is the source"),
    ("source/new", "source", "is inside the source"),
    ("source/sub/new", "link", "is inside the source"),
    ("link/new", "source", "is inside the source"),
    ("source", "source/sub", "holds the source .*sub, which would be lost with it"),
    ("cache", "cache/snapshot", "holds the source"),
    ("cache/blobs", "cache/snapshot", "holds the source .*abc"),
    ("cache/blobs", "cache/snapshot/model", "holds the source .*abc"),
    ("link", "cache/snapshot", "link is a symbolic link to .*source: name that path itself"),
    ("dangling", "source", "is a symbolic link to .*gone"),
    ("file/new", "source", "cannot be below .*file, which is a file"),
    ("file/new/er", "source", "cannot be below .*file, which is a file"),
    ("cwd/here", "source", "the current or home directory, one above it, or a whole file system"),
    ("cwd", "source", "the current or home directory"),
    ("home", "source", "the current or home directory"),
]


@pytest.mark.parametrize(("target", "source", "says"), REFUSED)
@pytest.mark.parametrize("make", [staged_directory, staged_file])
def test_targets_that_must_not_be_written(places, make, target, source, says):
    before = sorted(places.rglob("*"))
    with (
        pytest.raises(InvalidArgumentError, match=says) as caught,
        make(places / target, source=places / source, force=True),
    ):
        pytest.fail("reached the work")
    assert str(places / target) in str(caught.value)
    assert caught.value.exit_code == 2
    assert sorted(places.rglob("*")) == before


def test_relative_and_odd_targets(places):
    for target in (".", "..", "../../cwd"):
        for make in (staged_directory, staged_file):
            with (
                pytest.raises(InvalidArgumentError, match=r"current or home directory"),
                make(Path(target), source=places / "source", force=True),
            ):
                pytest.fail("reached the work")
    with pytest.raises(InvalidArgumentError, match="/ holds"), staged_directory(Path("/"), source=places, force=True):
        pytest.fail("reached the work")
    with staged_directory(Path("new"), source=places / "source", force=True):
        pass
    assert (places / "cwd" / "here" / "new").is_dir()


def test_a_file_is_no_directory(places):
    with (
        pytest.raises(InvalidArgumentError, match="file is a file, but a directory is to be written"),
        staged_directory(places / "file", source=places / "source", force=True),
    ):
        pytest.fail("reached the work")
    with (
        pytest.raises(InvalidArgumentError, match="cache is a directory, but a file is to be written"),
        staged_file(places / "cache", source=places / "source", force=True),
    ):
        pytest.fail("reached the work")
    with (
        pytest.raises(InvalidArgumentError, match="model is the source"),
        staged_file(places / "source" / "model", source=places / "source" / "model", force=True),
    ):
        pytest.fail("reached the work")
    with staged_file(places / "source" / "longer", source=places / "source" / "model", force=False) as partial:
        partial.write_text("beside a single source file is fine")


def test_a_hard_link_to_the_source_is_the_source(places):
    (places / "same").hardlink_to(places / "source" / "model")
    with (
        pytest.raises(InvalidArgumentError, match="is the source"),
        staged_file(places / "same", source=places / "source" / "model", force=True),
    ):
        pytest.fail("reached the work")


def test_the_longest_name(places):
    with staged_directory(places / ("é" * 127), source=places / "source", force=False):
        pass
    with (
        pytest.raises(
            InvalidArgumentError, match=r"x cannot be inspected \(File name too long\): choose another path for /"
        ),
        staged_directory(places / ("x" * 256), source=places / "source", force=False),
    ):
        pytest.fail("reached the work")
    assert (places / ("é" * 127)).is_dir()


WRITER = """
import sys
from pathlib import Path
from posembed.checkpoint.staging import staged_directory
target = Path("out")
for version in range(10**9):
    with staged_directory(target, source=Path("source"), force=True) as partial:
        (partial / "config.json").write_text('{"model_type": "bert"}')
        (partial / "sub").mkdir()
        for index in range(6):
            (partial / "sub" / f"{index}.bin").write_text(f"{version}" * 1000)
    if version < 1:
        print("written", flush=True)
"""


def test_a_kill_at_any_moment_leaves_the_target_absent_or_whole(tmp_path):
    """Forty processes that replace the target over and over, each killed at a random moment; more if none was hit."""
    generator = random.Random(0)
    whole = hits = 0
    for number in range(400):  # on a busy machine a process may be killed before it had its turn
        if number >= 40 and whole and hits:
            break
        process = subprocess.Popen([sys.executable, "-c", WRITER], cwd=tmp_path, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        time.sleep(generator.uniform(0, 0.03))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        if (tmp_path / "out").exists():
            whole += 1
            files = sorted((tmp_path / "out" / "sub").iterdir())
            assert [path.name for path in files] == [f"{index}.bin" for index in range(6)]
            contents = {path.read_text() for path in files}
            assert len(contents) == 1
            assert len(contents.pop()) % 1000 == 0
        assert all(name == "out" or name.startswith(".out.") for name in names(tmp_path))
        hits += any(".partial-" in name for name in names(tmp_path))
    assert whole
    assert hits  # the kills did hit the work
    with staged_directory(tmp_path / "out", source=tmp_path / "source", force=True):
        pass
    assert names(tmp_path) == ["out"]
