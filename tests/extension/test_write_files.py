"""Folders, permission bits and names of a copy are those of its source, and the source holds still."""

import os
from dataclasses import replace

import pytest

from posembed import extend_checkpoint, plan_extension
from posembed.errors import CheckpointError
from posembed.extension import write as rewrite
from posembed.extension.write import write_extension


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_empty_folders_and_permission_bits_are_copied(bert, tmp_path):
    (bert / "2_Normalize").mkdir()
    (bert / "1_Pooling" / "deep").mkdir(parents=True)
    (bert / "1_Pooling" / "config.json").write_text("{}")
    (bert / ".git" / "refs").mkdir(parents=True)
    modes = {"1_Pooling/deep": 0o700, "1_Pooling": 0o555, "2_Normalize": 0o750, ".": 0o700}
    (bert / "config.json").chmod(0o600)
    for name, mode in modes.items():
        (bert / name).chmod(mode)
    for force in (False, True):
        extend_checkpoint(bert, tmp_path / "out", 32, force=force)
        for name, mode in modes.items():
            assert (tmp_path / "out" / name).stat().st_mode & 0o777 == mode, name
        assert (tmp_path / "out" / "config.json").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "out" / ".git").exists()
    assert names(tmp_path) == ["out", "source"]


def test_extra_files_are_as_private_as_the_weights(bert, tmp_path):
    (bert / "model.safetensors").chmod(0o600)
    plan = replace(plan_extension(bert, 32), extra_files={"extra.json": b"{}"})
    write_extension(plan, tmp_path / "out")
    assert (tmp_path / "out" / "extra.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("single", [False, True])
def test_a_source_that_changes_meanwhile_gives_no_copy(bert, tmp_path, monkeypatch, single):
    source = bert / "model.safetensors" if single else bert
    changed = bert / "model.safetensors" if single else bert / "config.json"
    real = rewrite.verify_file

    def change(*arguments, **keywords):
        real(*arguments, **keywords)
        os.utime(changed, ns=(0, 0))

    monkeypatch.setattr(rewrite, "verify_file", change)
    with pytest.raises(CheckpointError, match=rf"{changed.name} changed while the checkpoint was copied"):
        extend_checkpoint(source, tmp_path / "out", 32)
    assert names(tmp_path) == ["source"]


def test_names_of_any_bytes_and_of_any_length_are_copied(bert, tmp_path, cli):
    odd = [os.fsdecode(each) for each in (b"\xff\xfe.txt", b"x" * 255, b"new\nline", b"-rf")]
    for name in odd:
        (bert / name).write_text(name.encode("utf-8", "replace").decode())
    target = tmp_path / os.fsdecode(b"\xffout" + b"o" * 250)
    code, _, said = cli("extend", bert, target, "--to", 32)
    assert code == 0, said
    assert sorted(set(odd) - set(names(target))) == []
    assert names(tmp_path) == sorted([target.name, "source"])
