import errno
import os
from pathlib import Path

import pytest

from posembed.checkpoint import copying
from posembed.checkpoint.copying import copy_file, copy_range, link_file
from posembed.errors import CheckpointError, InvalidArgumentError, WorkFailedError

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture(params=["kernel", "kernel in parts", "refused", "refused midway", "says 0"])
def way(request, monkeypatch):
    """The ways in which bytes can go, each in several chunks."""
    monkeypatch.setattr(copying, "CHUNK", 1000)
    monkeypatch.setattr(copying, "BUFFER", 700)
    original, calls = os.copy_file_range, []

    def kernel(src, dst, count, **offsets):
        calls.append(count)
        if request.param == "refused" or (request.param == "refused midway" and len(calls) == 3):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        if request.param == "says 0":
            return 0
        return original(src, dst, count if request.param == "kernel" else min(count, 333), **offsets)

    monkeypatch.setattr(os, "copy_file_range", kernel)
    return request.param


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def copy_part(source, target, offset, count, progress=None):
    with copying.opened(source) as src, copying.created(target, 0o644) as dst:
        os.write(dst, b"head")
        copy_range(src, dst, offset, count, progress)
        os.write(dst, b"tail")


@pytest.mark.parametrize(("offset", "count"), [(0, len(CONTENT)), (1, 4097), (10_000, 240), (5, 0), (10_240, 0)])
def test_a_range_is_appended(way, source, tmp_path, offset, count):
    seen = []
    copy_part(source, tmp_path / "new", offset, count, seen.append)
    assert (tmp_path / "new").read_bytes() == b"head" + CONTENT[offset : offset + count] + b"tail"
    assert sum(seen) == count
    assert all(0 < step <= 1000 for step in seen)


def test_a_source_that_ends_too_early(way, source, tmp_path):
    with pytest.raises(CheckpointError, match=r"source was truncated at byte 10240 while being read"):
        copy_part(source, tmp_path / "new", 10_000, 241)
    assert names(tmp_path) == ["source"]


@pytest.mark.parametrize("error", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV])
def test_where_the_kernel_cannot_copy(source, tmp_path, monkeypatch, error):
    def refuse(*args, **kwargs):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "copy_file_range", refuse)
    copy_file(source, tmp_path / "new")
    assert (tmp_path / "new").read_bytes() == CONTENT


def test_without_the_calls_of_linux(source, tmp_path, monkeypatch):
    """As on macOS: no copy in the kernel, no sharing of blocks by ``ioctl``, and before version 11 no ``preadv``."""
    monkeypatch.delattr(os, "copy_file_range")
    monkeypatch.delattr(os, "preadv")
    monkeypatch.setattr(copying.sys, "platform", "darwin")
    monkeypatch.setitem(copying.sys.modules, "fcntl", None)
    copy_file(source, tmp_path / "new")
    copy_part(source, tmp_path / "part", 100, 5000)
    assert (tmp_path / "new").read_bytes() == CONTENT
    assert (tmp_path / "part").read_bytes() == b"head" + CONTENT[100:5100] + b"tail"


def test_short_writes_and_short_reads(source, tmp_path, monkeypatch):
    write, preadv = os.write, os.preadv
    monkeypatch.setattr(copying, "_kernel_copy", lambda *_: 0)
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:77]))
    monkeypatch.setattr(os, "preadv", lambda fd, buffers, offset: preadv(fd, [buffers[0][:500]], offset))
    copy_file(source, tmp_path / "new")
    assert (tmp_path / "new").read_bytes() == CONTENT


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o444, 0o755])
def test_a_copy_keeps_mode_and_time(source, tmp_path, mode):
    source.chmod(mode)
    os.utime(source, ns=(10**18, 10**18 + 123))
    copy_file(source, tmp_path / "new")
    facts = (tmp_path / "new").stat()
    assert (facts.st_mode & 0o777, facts.st_mtime_ns) == (mode, 10**18 + 123)


def test_empty_and_sparse_files(tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "sparse").write_bytes(b"a")
    os.truncate(tmp_path / "sparse", 1 << 20)
    seen = []
    for name in ("empty", "sparse"):
        copy_file(tmp_path / name, tmp_path / f"{name}2", seen.append)
        assert (tmp_path / f"{name}2").read_bytes() == (tmp_path / name).read_bytes()
    assert sum(seen) == 1 << 20


def test_a_link_of_a_hub_cache_becomes_a_file(tmp_path):
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "blobs" / "abc").write_bytes(CONTENT)
    link = tmp_path / "snapshots" / "model.safetensors"
    link.symlink_to("../blobs/abc")
    for make in (copy_file, link_file):
        target = tmp_path / make.__name__
        make(link, target)
        assert not target.is_symlink()
        assert target.read_bytes() == CONTENT
    assert (tmp_path / "link_file").samefile(tmp_path / "blobs" / "abc")


def test_blocks_are_shared_where_the_file_system_can(source, tmp_path, monkeypatch):
    """No such file system here: the answer of one is played."""
    import fcntl

    def share(target, request, origin):
        assert request == 0x40049409
        os.write(target, os.pread(origin, len(CONTENT), 0))

    monkeypatch.setattr(fcntl, "ioctl", share)
    monkeypatch.setattr(copying, "copy_range", None)
    seen = []
    copy_file(source, tmp_path / "new", seen.append)
    assert (tmp_path / "new").read_bytes() == CONTENT
    assert seen == [len(CONTENT)]


@pytest.mark.parametrize("make", [copy_file, link_file])
def test_what_cannot_be_copied_or_linked(source, tmp_path, make):
    (tmp_path / "there").write_bytes(b"kept")
    with pytest.raises(InvalidArgumentError, match="there exists already: remove it or choose another path"):
        make(source, tmp_path / "there")
    with pytest.raises(CheckpointError, match="none does not exist"):
        make(tmp_path / "none", tmp_path / "new")
    with pytest.raises(CheckpointError, match="is a directory"):
        make(tmp_path, tmp_path / "new")
    with pytest.raises(WorkFailedError, match="No such file or directory"):
        make(source, tmp_path / "none" / "new")
    assert names(tmp_path) == ["source", "there"]
    assert (tmp_path / "there").read_bytes() == b"kept"


def test_a_link_across_file_systems_names_both(source, tmp_path, monkeypatch):
    def refuse(src, dst):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(copying, "mount_point", lambda path: "/one" if "source" in str(path) else "/two")
    with pytest.raises(InvalidArgumentError, match=r"system at /two, the other on the one at /one; leave out `link`"):
        link_file(source, tmp_path / "new")
    assert names(tmp_path) == ["source"]


def test_a_file_system_without_links(source, tmp_path, monkeypatch):
    def refuse(src, dst):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(WorkFailedError, match=r"on the file system at /.*: Operation not permitted; leave out `link`"):
        link_file(source, tmp_path / "new")
    assert names(tmp_path) == ["source"]


def test_really_across_file_systems(source, tmp_path):
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == source.stat().st_dev:
        pytest.skip("no second file system to write to")
    target = shared / f"posembed-{os.getpid()}"
    try:
        copy_file(source, target)
        assert target.read_bytes() == CONTENT
        target.unlink()
        with pytest.raises(
            InvalidArgumentError, match="one is on the file system at /dev/shm, the other on the one at /"
        ):
            link_file(source, target)
        assert not target.exists()
    finally:
        target.unlink(missing_ok=True)
