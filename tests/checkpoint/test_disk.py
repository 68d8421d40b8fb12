import errno
from pathlib import Path

import pytest

from posembed.checkpoint import disk
from posembed.checkpoint.disk import explain_os_error, mount_point, require_space
from posembed.errors import WorkFailedError


def test_space_is_looked_at_before_the_work(tmp_path):
    require_space(tmp_path / "not" / "yet", 1)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(
        WorkFailedError, match=r"no space left on /.*: .*out needs 1000000.0 TB \(1\d+ bytes\), .* are free"
    ):
        require_space(tmp_path / "out", 10**18)


def test_windows_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.delattr(disk.os, "statvfs")
    with pytest.raises(WorkFailedError, match=r"writing checkpoints needs Linux or macOS.*in WSL"):
        require_space(tmp_path / "out", 1)


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "no space left on / while writing /out, which needs 3.0 GB (3000000000 bytes) (now 7.0 kB"),
        (errno.EDQUOT, "disk quota exceeded while writing /out, which needs 3.0 GB"),
        (errno.EACCES, "permission denied: /out cannot be written; choose a folder that you may write to"),
        (errno.EPERM, "permission denied: /out cannot be written"),
        (errno.EROFS, "read-only file system: /out cannot be written on /; choose a folder on a writable one"),
        (errno.EFBIG, "file too large: /out (3.0 GB (3000000000 bytes)) is beyond what the file system"),
        (errno.EIO, "writing /out failed: what the system says; check the disk, then try again"),
    ],
)
def test_faults_in_plain_words(monkeypatch, number, says):
    monkeypatch.setattr(disk, "_free_space", lambda _: 7000)
    message = explain_os_error(OSError(number, "what the system says"), Path("/out"), 3 * 10**9)
    assert message.startswith(says)
    assert "\n" not in message
    inner = explain_os_error(OSError(number, "what the system says", "/out/model"), Path("/out"))
    assert " for /out/model" in inner
    assert "needs" not in inner


def test_mount_points(tmp_path):
    assert mount_point(Path("/")) == Path("/")
    assert mount_point(Path("/proc/self/none")) == Path("/proc")
    assert mount_point(tmp_path / "none").is_mount()
