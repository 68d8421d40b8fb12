"""Output that is whole or absent, whatever happens: refusals, exceptions, interrupts."""

import os
from pathlib import Path

import pytest

from posembed import files
from posembed.checkpoint import renames, staging
from posembed.checkpoint.staging import checked_target, staged_directory, staged_file
from posembed.errors import InvalidArgumentError, WorkFailedError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "model").write_text("weights")
    return folder


def tree(folder):
    return {str(p.relative_to(folder)): p.read_text() if p.is_file() else None for p in sorted(folder.rglob("*"))}


def fill(partial, then=None):
    (partial / "sub").mkdir()
    (partial / "sub" / "a").write_text("new a")
    (partial / "b").write_text("new b")
    if then is not None:
        raise then


def fill_either(partial, error, another=None):
    """Fill a staged directory or file, let another program write its own, and perhaps fail."""
    if another is not None:
        another.write_text("another's")
    if partial.is_dir():
        fill(partial, error)
    else:
        partial.write_text("half")
    if error is not None:
        raise error


OLD = {"config.json": '{"model_type": "old"}'}
FILLED = {"sub": None, "sub/a": "new a", "b": "new b"}


def test_a_directory_appears_at_the_end(source, tmp_path):
    target = tmp_path / "out"
    with staged_directory(target, source=source, force=False) as partial:
        fill(partial)
        assert partial.parent == tmp_path
        assert partial.name.startswith(".out.partial-")
        assert not target.exists()
    assert tree(target) == FILLED
    assert target.stat().st_mode == source.stat().st_mode
    assert names(tmp_path) == ["out", "source"]


def test_a_file_appears_at_the_end(source, tmp_path):
    target = tmp_path / "new.safetensors"
    with staged_file(target, source=source / "model", force=False) as partial:
        assert not partial.exists()
        partial.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    with staged_file(target, source=source / "model", force=True) as partial:
        partial.write_text("newer")
        assert target.read_text() == "new"
    assert target.read_text() == "newer"
    assert names(tmp_path) == ["new.safetensors", "source"]


def test_everything_is_flushed_before_it_is_named(source, tmp_path, monkeypatch):
    flushed, fsync = [], os.fsync

    def note(descriptor):
        flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    with staged_directory(tmp_path / "x" / "out", source=source, force=False) as partial:
        fill(partial)
        (partial / "link").symlink_to("b")
    inside = [path.relative_to(partial).as_posix() for path in flushed if partial in (path, *path.parents)]
    assert sorted(inside) == [".", "b", "sub", "sub/a"]
    assert set(flushed[len(inside) :]) == {tmp_path, tmp_path / "x"}


def test_an_existing_directory_is_replaced_only_with_force(source, tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "config.json").write_text(OLD["config.json"])
    with (
        pytest.raises(
            InvalidArgumentError, match=r"out exists already: choose another path, or replace it with force=True"
        ),
        staged_directory(target, source=source, force=False),
    ):
        pytest.fail("reached the work")
    with staged_directory(target, source=source, force=True) as partial:
        fill(partial)
        assert tree(target) == OLD
    assert tree(target) == FILLED
    assert names(tmp_path) == ["out", "source"]


def test_what_appears_during_the_work_is_not_replaced(source, tmp_path):
    for make in (staged_directory, staged_file):
        target = tmp_path / make.__name__
        with pytest.raises(InvalidArgumentError, match="exists already"), make(target, source=source, force=False) as p:
            fill_either(p, None, target)
        assert target.read_text() == "another's"
    assert names(tmp_path) == ["source", "staged_directory", "staged_file"]


@pytest.mark.parametrize("make", [staged_directory, staged_file])
@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), RuntimeError("a bug"), InvalidArgumentError("no"), SystemExit(3)]
)
def test_an_exception_leaves_nothing(source, tmp_path, make, force, error):
    before = tree(tmp_path)
    with pytest.raises(type(error)), make(tmp_path / "a" / "b" / "out", source=source, force=force) as partial:
        fill_either(partial, error)
    assert tree(tmp_path) == before


def test_parents_that_others_use_meanwhile_stay(source, tmp_path):
    target = tmp_path / "a" / "b" / "out"
    with pytest.raises(KeyboardInterrupt), staged_directory(target, source=source, force=False) as partial:
        fill_either(partial, KeyboardInterrupt(), tmp_path / "a" / "other")
    assert tree(tmp_path / "a") == {"other": "another's"}


@pytest.fixture(params=["exchange", "no exchange"])
def system(request, monkeypatch):
    """Where the system can exchange two names, and where it cannot."""
    if request.param == "no exchange":
        monkeypatch.setattr(renames, "_renameat2", lambda: None)
    return request.param


def replaceable(folder):
    target = folder / "out"
    target.mkdir()
    (target / "config.json").write_text(OLD["config.json"])
    return target


@pytest.mark.parametrize("failing", [1, 2])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_the_old_directory_comes_back_if_the_exchange_fails(source, tmp_path, monkeypatch, failing, error):
    monkeypatch.setattr(renames, "_renameat2", lambda: None)
    target, calls, rename = replaceable(tmp_path), [], Path.rename

    def fail(self, other):
        calls.append(self)
        if len(calls) == failing:
            raise error
        return rename(self, other)

    monkeypatch.setattr(Path, "rename", fail)
    expected = WorkFailedError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as caught, staged_directory(target, source=source, force=True) as partial:
        fill(partial)
    assert tree(target) == OLD
    assert names(tmp_path) == ["out", "source"]
    if expected is WorkFailedError:
        assert str(caught.value).endswith(f"{target} is unchanged")


def test_an_old_directory_that_cannot_come_back_is_named_and_the_next_run_puts_it_back(source, tmp_path, monkeypatch):
    monkeypatch.setattr(renames, "_renameat2", lambda: None)
    target, rename = replaceable(tmp_path), Path.rename

    def fail(self, other):
        if ".partial" in self.name:
            raise OSError(5, "Input/output error", str(self))
        return rename(self, other)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        with pytest.raises(WorkFailedError) as caught, staged_directory(target, source=source, force=True) as partial:
            fill(partial)
    old = tmp_path / f"{partial.name}.old"
    assert str(caught.value).endswith(f"the old one lies in {old}, and the next run on this target puts it back")
    assert tree(old) == OLD
    with pytest.raises(InvalidArgumentError, match="out exists already"):
        checked_target(target, source, force=False)
    assert tree(target) == OLD
    assert names(tmp_path) == ["out", "source"]


def test_the_exchange_itself_fails(source, tmp_path, monkeypatch):
    target = replaceable(tmp_path)

    def broken(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(staging, "exchange", broken)
    with (
        pytest.raises(WorkFailedError, match=r"writing .*/out failed: Input/output error; .*; .*/out is unchanged$"),
        staged_directory(target, source=source, force=True) as partial,
    ):
        fill(partial)
    assert tree(target) == OLD
    assert names(tmp_path) == ["out", "source"]


def test_an_interrupt_right_after_the_exchange_leaves_the_new_one_alone(source, tmp_path, monkeypatch, system):
    target = replaceable(tmp_path)
    flush = staging.flush

    def interrupt(path):
        flush(path)
        if path == tmp_path:
            raise KeyboardInterrupt

    monkeypatch.setattr(staging, "flush", interrupt)
    with pytest.raises(KeyboardInterrupt), staged_directory(target, source=source, force=True) as partial:
        fill(partial)
    assert tree(target) == FILLED
    assert names(tmp_path) == ["out", "source"]


def test_an_old_directory_that_cannot_be_deleted_is_named(source, tmp_path, monkeypatch, system):
    target = replaceable(tmp_path)

    def stuck(path):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(files, "remove_tree", stuck)
        with (
            pytest.raises(
                WorkFailedError, match=r"out is complete, but the old one, now .*partial-\w+(\.done)?, could"
            ),
            staged_directory(target, source=source, force=True) as partial,
        ):
            fill(partial)
    assert tree(target) == FILLED
    with pytest.raises(InvalidArgumentError, match="exists already"):
        checked_target(target, source, force=False)
    assert names(tmp_path) == ["out", "source"]


def test_a_full_disk_is_told_in_plain_words(source, tmp_path):
    before = tree(tmp_path)
    for number, says in {
        28: "no space left on .*out, which needs 2.0 kB",
        122: "quota",
        13: "permission",
        30: "read-only",
    }.items():
        with (
            pytest.raises(WorkFailedError, match=says) as caught,
            staged_directory(tmp_path / "out", source=source, force=False, needed=2000) as partial,
        ):
            fill(partial, OSError(number, os.strerror(number)))
        assert str(tmp_path / "out") in str(caught.value)
        assert tree(tmp_path) == before
    with (
        pytest.raises(WorkFailedError, match=r"needs 1000000.0 TB"),
        staged_file(tmp_path / "x" / "out", source=source, force=False, needed=10**18),
    ):
        pytest.fail("reached the work")
    assert tree(tmp_path) == before


def test_a_fault_of_the_flush_leaves_nothing(source, tmp_path, monkeypatch):
    def broken(descriptor):
        raise OSError(5, "Input/output error")

    before = tree(tmp_path)
    monkeypatch.setattr(os, "fsync", broken)
    with (
        pytest.raises(WorkFailedError, match=r"writing .*out failed: Input/output error; .*; nothing was left behind$"),
        staged_directory(tmp_path / "out", source=source, force=False) as partial,
    ):
        fill(partial)
    assert tree(tmp_path) == before
