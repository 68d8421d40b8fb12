"""``extend`` of a name or an address: planned from headers, downloaded once, written as from a path."""

import json

import pytest

from posembed.checkpoint.source import open_checkpoint
from posembed.commands.extend import extend_checkpoint
from posembed.errors import InvalidArgumentError
from tests.fixtures.servers import COMMIT, write_bert

POSITION = "embeddings.position_embeddings.weight"


@pytest.fixture
def bert(web, tmp_path, monkeypatch):
    monkeypatch.setenv("POSEMBED_CACHE", str(tmp_path / "cache"))
    return write_bert(web.folder / "bert", words=40_000)


def test_a_plan_is_made_from_headers(web, bert, tmp_path):
    plan = extend_checkpoint(f"{web.url}/bert", tmp_path / "out", 128, dry_run=True)
    assert plan.to_dict()["checkpoint"] == f"{web.url}/bert"
    assert plan.record().fields[0].after == 128
    assert web.sent < 200_000 < (bert / "model.safetensors").stat().st_size


def test_what_is_not_supported_is_refused_before_anything_is_downloaded(web, bert, tmp_path):
    (bert / "model.safetensors").unlink()
    write_bert(web.folder / "other", rows=32, words=40_000)
    (web.folder / "other" / "model.safetensors").rename(bert / "model.safetensors")
    with pytest.raises(InvalidArgumentError):
        extend_checkpoint(f"{web.url}/bert", tmp_path / "out", 16, method="no-such-method")
    assert web.sent < 200_000
    assert not (tmp_path / "out").exists()


def test_the_copy_is_that_of_a_path(web, bert, tmp_path):
    out = extend_checkpoint(f"{web.url}/bert", tmp_path / "out", 128, check="off")
    extend_checkpoint(bert, tmp_path / "local", 128, check="off")
    assert out.out == tmp_path / "out"
    for name in ("model.safetensors", "config.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()
    history = json.loads((tmp_path / "out" / "posembed.json").read_text())
    assert history["steps"][0]["source"] == f"{web.url}/bert"


def test_a_server_without_ranges_is_downloaded_from(web, bert, tmp_path):
    (bert / "model.safetensors").unlink()
    write_bert(web.folder / "other", rows=10_000)  # the first request has the header, and not all of the table
    for name in ("model.safetensors", "config.json"):
        (web.folder / "other" / name).replace(bert / name)
    web.ranges = False
    extend_checkpoint(f"{web.url}/bert", tmp_path / "out", 10_001, check="off")
    assert open_checkpoint(tmp_path / "out").tensors[POSITION].shape == (10_001, 8)


def test_a_model_of_the_hub_is_named_with_its_commit(hub, tmp_path):
    write_bert(hub.folder / "org" / "bert")
    extend_checkpoint("org/bert", tmp_path / "out", 128, check="off")
    assert open_checkpoint(tmp_path / "out").tensors[POSITION].shape == (128, 8)
    history = json.loads((tmp_path / "out" / "posembed.json").read_text())
    assert history["steps"][0]["source"] == f"org/bert@{COMMIT}"
