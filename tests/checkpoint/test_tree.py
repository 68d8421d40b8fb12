"""A directory is listed whole, or the work ends with the name of what cannot be read."""

import os
import socket
from pathlib import Path

import pytest

from posembed import extend_checkpoint
from posembed.checkpoint import tree
from posembed.checkpoint.tree import facts_of, read_tree
from posembed.errors import CheckpointError


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "checkpoint"
    (root / "b" / "empty").mkdir(parents=True)
    (root / "a").mkdir()
    for name in ("config.json", "a/x", "b/y"):
        (root / name).write_text(name)
    return root


def test_folders_come_before_what_they_hold_and_empty_ones_count(folder):
    found = read_tree(folder)
    assert [str(path.relative_to(folder)) for path in found.folders] == ["a", "b", "b/empty"]
    assert [str(path.relative_to(folder)) for path in found.files] == ["config.json", "a/x", "b/y"]


def test_names_of_any_bytes_and_of_any_length(folder):
    names = [b"\xff\xfe.txt", "né.txt".encode(), b"x" * 255, b"new\nline", b" "]
    for name in names:
        (folder / os.fsdecode(name)).write_text("x")
    assert {os.fsencode(path.name) for path in read_tree(folder).files} > set(names)


@pytest.mark.parametrize("where", ["", "b", "b/empty"])
def test_a_folder_that_cannot_be_listed_is_named(folder, monkeypatch, where):
    denied, real = folder / where, os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: real(path) if path != denied else denying(path))
    with pytest.raises(CheckpointError, match=rf"{denied} cannot be listed \(permission denied\): make it readable"):
        read_tree(folder)


def denying(path):
    raise PermissionError(13, "Permission denied", str(path))


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("dry_run", [False, True])
def test_an_extension_drops_no_folder_that_cannot_be_listed(bert, tmp_path, monkeypatch, link, dry_run):
    (bert / "1_Pooling").mkdir()
    (bert / "1_Pooling" / "config.json").write_text("{}")
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: real(path) if path != bert / "1_Pooling" else denying(path))
    with pytest.raises(CheckpointError, match="1_Pooling cannot be listed"):
        extend_checkpoint(bert, tmp_path / "out", 32, link=link, dry_run=dry_run)
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_copied_is_named_with_its_kind(folder):
    os.mkfifo(folder / "pipe")
    with pytest.raises(CheckpointError, match="pipe is not a file but a pipe, which cannot be copied: remove it"):
        read_tree(folder)
    (folder / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(folder)  # a socket's name has at most 108 bytes
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
    with pytest.raises(CheckpointError, match="socket is not a file but a socket"):
        read_tree(folder)
    (folder / "socket").unlink()
    (folder / "null").symlink_to("/dev/null")
    with pytest.raises(CheckpointError, match="null is not a file but a device"):
        read_tree(folder)


def test_links_that_lead_nowhere_or_to_directories_are_named(folder):
    (folder / "gone").symlink_to("nothing")
    with pytest.raises(CheckpointError, match=r"gone is a symbolic link to a file that does not exist \(.*/nothing\)"):
        read_tree(folder)
    (folder / "gone").unlink()
    (folder / "circle").symlink_to("circle")
    with pytest.raises(CheckpointError, match="circle cannot be read"):
        read_tree(folder)
    (folder / "circle").unlink()
    (folder / "a" / "up").symlink_to("..")
    with pytest.raises(CheckpointError, match="up is a symbolic link to a directory, which is not followed"):
        read_tree(folder)


def test_links_that_lead_out(folder, tmp_path):
    (tmp_path / "secret").write_text("x")
    (folder / "inside").symlink_to("config.json")
    (folder / "a" / "out").symlink_to("../../secret")
    assert list(read_tree(folder).links_out()) == [(folder / "a" / "out", tmp_path / "secret")]


def test_a_snapshot_of_a_hub_cache_consists_of_links(tmp_path):
    cache = tmp_path / "models--org--name"
    snapshot = cache / "snapshots" / "1234"
    (snapshot / "1_Pooling").mkdir(parents=True)
    for blobs in (cache / "blobs", tmp_path / "blobs"):
        blobs.mkdir()
        (blobs / "abc").write_text("x")
    (snapshot / "config.json").symlink_to("../../blobs/abc")
    (snapshot / "1_Pooling" / "config.json").symlink_to("../../../blobs/abc")
    for root in (snapshot, snapshot / "1_Pooling"):
        assert list(read_tree(root).links_out()) == []
    (snapshot / "vocab.txt").symlink_to("../../../blobs/abc")  # of another repository
    assert [link.name for link, _ in read_tree(snapshot).links_out()] == ["vocab.txt"]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda root: (root / "a" / "x").write_text("longer than before"), "a/x"),
        (lambda root: os.utime(root / "a" / "x", ns=(0, 0)), "a/x"),
        (lambda root: (root / "a" / "new").write_text(""), "a/new"),
        (lambda root: (root / "config.json").unlink(), "config.json"),
        (lambda root: (root / "c").mkdir(), "c"),
    ],
)
def test_a_change_meanwhile_is_named(folder, change, name):
    before = read_tree(folder)
    before.require_unchanged()
    change(folder)
    with pytest.raises(CheckpointError, match=rf"checkpoint/{name} changed while the checkpoint was copied"):
        before.require_unchanged()


def test_a_file_that_goes_while_it_is_listed(folder, monkeypatch):
    real = tree.listed
    monkeypatch.setattr(tree, "listed", lambda path: [*real(path), path / "gone"])
    with pytest.raises(CheckpointError, match="gone changed while the checkpoint was copied"):
        read_tree(folder)
    with pytest.raises(CheckpointError, match="gone changed"):
        facts_of(folder / "gone")
