"""What a failed or killed run leaves: said truly, and cleared by the next run on the same target."""

import pytest

from posembed import files
from posembed.checkpoint import staging
from posembed.checkpoint.staging import checked_target, staged_directory, staged_file
from posembed.errors import InvalidArgumentError, WorkFailedError
from tests.checkpoint.test_staging import FILLED, fill, fill_either, names, tree


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


def test_a_message_says_what_is_left(source, tmp_path, monkeypatch):
    """The target stands already when its folder cannot be flushed."""
    real = staging.flush

    def broken(path):
        if path == tmp_path:
            raise OSError(5, "Input/output error")
        real(path)

    with monkeypatch.context() as patch:
        patch.setattr(staging, "flush", broken)
        with (
            pytest.raises(WorkFailedError, match=r"/out is in its place and complete, but may not outlast a power"),
            staged_directory(tmp_path / "out", source=source, force=False) as partial,
        ):
            fill(partial)
    assert tree(tmp_path / "out") == FILLED

    with monkeypatch.context() as patch:
        patch.setattr(files, "remove_tree", lambda _: broken(tmp_path))
        with (
            pytest.raises(
                WorkFailedError, match=r"; nothing was written, and the next run on this target removes /.*new"
            ),
            staged_file(tmp_path / "new", source=source, force=False) as partial,
        ):
            fill_either(partial, OSError(5, "Input/output error"))
    assert partial.exists()
    with staged_file(tmp_path / "new", source=source, force=False) as partial:
        fill_either(partial, None)
    assert names(tmp_path) == ["new", "out", "source"]


def test_what_another_process_wrote_meanwhile_stays_and_is_said(source, tmp_path):
    target = tmp_path / "out"
    with (
        pytest.raises(WorkFailedError, match=r"/out is what another process wrote$"),
        staged_directory(target, source=source, force=False) as partial,
    ):
        fill_either(partial, OSError(5, "Input/output error"), target)
    assert target.read_text() == "another's"


def test_a_hidden_name_is_not_shown(source, tmp_path):
    with (
        pytest.raises(WorkFailedError, match=r"for .*/out/sub/x while writing .*/out; ") as caught,
        staged_directory(tmp_path / "out", source=source, force=False) as partial,
    ):
        raise OSError(28, "No space left on device", str(partial / "sub" / "x"))
    assert ".partial" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o555, 0o2775])
def test_a_directory_is_as_private_as_its_source(source, tmp_path, mode):
    source.chmod(mode)
    target = tmp_path / "out"
    for _ in range(2):
        with staged_directory(target, source=source, force=True) as partial:
            assert partial.stat().st_mode & 0o777 == 0o700  # nobody else reads what is not finished
            (partial / "config.json").write_text('{"model_type": "bert"}')
        assert target.stat().st_mode & 0o7777 == mode
    assert names(tmp_path) == ["out", "source"]


def test_leftovers_of_killed_runs_go_and_those_of_live_ones_stay(source, tmp_path):
    for ending in ("", ".done"):
        (tmp_path / f".out.partial-12345678{ending}" / "sub").mkdir(parents=True)
    (tmp_path / ".out.partial-12345678.lock").touch()
    (tmp_path / ".out.partial-87654321").write_text("a file, without a lock")
    others = [".another.partial-12345678", ".out.partial-notes", ".out.partial-1234567", "out.partial-12345678"]
    for name in others:
        (tmp_path / name).mkdir()
    with staged_directory(tmp_path / "out", source=source, force=False) as live:
        fill(live)
        assert names(tmp_path) == sorted([*others, live.name, f"{live.name}.lock", "source"])
        with staged_directory(tmp_path / "out", source=source, force=False) as second:
            assert tree(live) == FILLED
            fill(second)
        with pytest.raises(InvalidArgumentError, match="exists already"):
            checked_target(tmp_path / "out", source, force=False)
        assert tree(live) == FILLED
        (tmp_path / "out").rename(tmp_path / "moved")
    assert names(tmp_path) == sorted([*others, "moved", "out", "source"])
