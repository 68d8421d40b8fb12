"""A path stays as it is; the tests of each kind of address are with that kind."""

from posembed.checkpoint.local_copy import LocalCopy, local_copy, opened_copy
from posembed.checkpoint.source import open_checkpoint
from posembed.observer import Callbacks
from tests.fixtures.servers import write_bert


def test_a_path_is_not_opened(tmp_path):
    (tmp_path / "empty").mkdir()
    copy = local_copy(tmp_path / "empty")
    assert copy == LocalCopy(tmp_path / "empty")
    assert copy.shown == str(tmp_path / "empty")


def test_an_opened_checkpoint_of_this_machine_is_itself(tmp_path):
    checkpoint = open_checkpoint(write_bert(tmp_path / "bert"))
    assert opened_copy(checkpoint) is checkpoint
    assert local_copy(checkpoint).path == tmp_path / "bert"


def test_a_single_file_comes_with_its_configuration(web, tmp_path, monkeypatch):
    monkeypatch.setenv("POSEMBED_CACHE", str(tmp_path / "cache"))
    write_bert(web.folder / "bert")
    (web.folder / "bert" / "vocab.txt").write_text("a")
    updates = []
    copy = local_copy(f"{web.url}/bert/model.safetensors", Callbacks(progress=updates.append))
    assert sorted(path.name for path in copy.path.parent.iterdir()) == ["config.json", "model.safetensors"]
    assert copy.open().address == f"{web.url}/bert/model.safetensors"
    assert updates[-1].done == updates[-1].total == sum(path.stat().st_size for path in copy.path.parent.iterdir())


def test_an_opened_address_can_be_copied(web, tmp_path, monkeypatch):
    monkeypatch.setenv("POSEMBED_CACHE", str(tmp_path / "cache"))
    write_bert(web.folder / "bert")
    checkpoint = open_checkpoint(f"{web.url}/bert")
    assert opened_copy(checkpoint).shadow is None
    assert local_copy(f"file://{web.folder}/bert").path == web.folder / "bert"
    assert open_checkpoint(f"file://{web.folder}/bert").root == web.folder / "bert"
