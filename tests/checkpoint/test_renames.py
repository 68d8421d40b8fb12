"""Names change hands without a moment in which one is empty, and what is there is not replaced."""

import errno

import pytest

from posembed.checkpoint import renames
from posembed.checkpoint.renames import CannotExchangeError, exchange, rename_new


@pytest.fixture(params=["as the system has it", "without"])
def system(request, monkeypatch):
    if request.param == "without":
        monkeypatch.setattr(renames, "_renameat2", lambda: None)
    return request.param


def test_a_new_name_replaces_nothing(tmp_path, system):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    for source, target in (("a", "b"), ("a", "empty"), ("folder", "empty"), ("a", "dangling")):
        with pytest.raises(FileExistsError) as caught:
            rename_new(tmp_path / source, tmp_path / target)
        assert str(tmp_path / target) in str(caught.value)
    rename_new(tmp_path / "a", tmp_path / "c")
    assert (tmp_path / "c").read_text() == "a"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c", "dangling", "empty", "folder"]


def test_two_names_change_places(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").write_text("file")
    try:
        exchange(tmp_path / "a", tmp_path / "b")
    except CannotExchangeError:
        pytest.skip("this file system cannot exchange two names")
    assert (tmp_path / "a").read_text() == "file"
    assert (tmp_path / "b").is_dir()
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "a", tmp_path / "none")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_system_that_cannot_exchange_says_so(tmp_path, monkeypatch, number):
    monkeypatch.setattr(renames, "_renameat2", lambda: lambda *_: -1)
    monkeypatch.setattr(renames.ctypes, "get_errno", lambda: number)
    with pytest.raises(CannotExchangeError):
        exchange(tmp_path / "a", tmp_path / "b")
