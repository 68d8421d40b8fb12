"""Models of a hub: the cache first, ranges for parts, downloads into the hub's own cache."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from posembed.checkpoint.local_copy import local_copy
from posembed.checkpoint.remote import download, hub, store
from posembed.checkpoint.source import open_checkpoint
from posembed.errors import InvalidArgumentError, WorkFailedError
from tests.fixtures.servers import COMMIT, write_bert

POSITION = "embeddings.position_embeddings.weight"
pytestmark = pytest.mark.usefixtures("patient")


@pytest.fixture
def bert(hub):
    return write_bert(hub.folder / "org" / "bert", words=40_000)


@pytest.fixture
def small_pieces(monkeypatch):
    for module in (download, hub, store):
        monkeypatch.setattr(module, "PIECE", 100_000)


@pytest.mark.parametrize(
    "name", ["org/bert", "org/bert@v1", "hf://org/bert", f"hf://org/bert@{COMMIT}/model.safetensors"]
)
def test_a_model_is_read_by_its_parts(hub, bert, name):
    checkpoint = open_checkpoint(name)
    assert np.array_equal(checkpoint.read(POSITION), open_checkpoint(bert).read(POSITION))
    assert checkpoint.address.removeprefix("hf://").startswith(f"org/bert@{COMMIT}")
    size = (bert / "model.safetensors").stat().st_size
    assert hub.sent <= checkpoint.read(POSITION).nbytes + (100 << 10) < size


def test_the_hubs_own_pages_are_its_models(hub, bert):
    assert open_checkpoint(f"{hub.url}/org/bert/resolve/main/model.safetensors").tensors[POSITION].shape == (64, 8)
    assert open_checkpoint(f"{hub.url}/org/bert").config["model_type"] == "bert"


def test_a_copy_goes_into_the_hubs_cache_and_is_taken_from_there(hub, bert, tmp_path, small_pieces, monkeypatch):
    copy = local_copy("org/bert")
    assert copy.path == tmp_path / "hf" / "models--org--bert" / "snapshots" / COMMIT
    assert (copy.path / "model.safetensors").read_bytes() == (bert / "model.safetensors").read_bytes()
    assert copy.address == f"org/bert@{COMMIT}"
    sent = hub.sent
    assert local_copy("org/bert") == copy
    assert open_checkpoint("org/bert").read(POSITION).shape == (64, 8)
    assert hub.sent == sent
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    requests = len(hub.requests)
    offline = open_checkpoint("org/bert")
    assert (offline.directory, offline.address) == (copy.path, f"org/bert@{COMMIT}")
    assert len(hub.requests) == requests


def test_a_commit_in_the_cache_asks_nobody(hub, bert, small_pieces):
    local_copy("org/bert")
    requests = len(hub.requests)
    assert open_checkpoint(f"org/bert@{COMMIT}").read(POSITION).shape == (64, 8)
    assert len(hub.requests) == requests


def test_a_hub_that_is_gone_is_answered_by_the_cache(hub, bert, small_pieces, caplog):
    local_copy("org/bert")
    hub.fault = lambda handler: hub.send(handler, 503) or True
    assert open_checkpoint("org/bert").read(POSITION).shape == (64, 8)
    assert "its copy in the hub's cache is used" in caplog.text


def test_a_broken_download_is_resumed(hub, bert, small_pieces):
    hub.fault = hub.breaks_after(500_000)
    with pytest.raises(WorkFailedError, match="the connection was closed"):
        local_copy("org/bert")
    hub.fault, sent = None, hub.sent
    copy = local_copy("org/bert")
    assert (copy.path / "model.safetensors").read_bytes() == (bert / "model.safetensors").read_bytes()
    assert hub.sent - sent < (bert / "model.safetensors").stat().st_size - 400_000


def test_content_that_is_not_what_the_hub_states(hub, bert, small_pieces, monkeypatch):
    described = hub.described

    def wrong(repo):
        content = described(repo)
        for each in content["siblings"]:
            if "lfs" in each:
                each["lfs"]["sha256"] = "0" * 64
        return content

    monkeypatch.setattr(hub, "described", wrong)
    with pytest.raises(WorkFailedError, match=r"model\.safetensors arrived with other content"):
        local_copy("org/bert")
    assert not list((Path(hub.folder).parent / "hf").rglob("0000*"))


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ((403, "GatedRepo"), "is gated: accept its terms on"),
        ((401, "RepoNotFound"), "neither a path on this machine nor a model"),
        ((404, "RepoNotFound"), "neither a path on this machine nor a model"),
    ],
)
def test_models_that_may_not_be_read(hub, bert, refusal, said):
    hub.refusals["org/bert"] = refusal
    with pytest.raises(InvalidArgumentError, match=said):
        open_checkpoint("org/bert")


def test_what_the_hub_does_not_have(hub, bert, monkeypatch):
    with pytest.raises(InvalidArgumentError, match=r"'hf://org/gone' does not exist on|'org/gone' does not exist on"):
        open_checkpoint("hf://org/gone")
    with pytest.raises(InvalidArgumentError, match="has no revision 'v9'"):
        open_checkpoint("org/bert@v9")
    with pytest.raises(InvalidArgumentError, match=r"has no file or folder 'onnx/model\.onnx'"):
        open_checkpoint("hf://org/bert/onnx/model.onnx")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InvalidArgumentError, match="offline mode is set"):
        open_checkpoint("org/bert")


def test_the_token_goes_to_the_hub_and_nowhere_else(hub, bert, monkeypatch, capfd):
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecret")
    open_checkpoint("org/bert").read(POSITION)
    tokens = {headers.get("authorization", headers.get("Authorization")) for _, _, headers in hub.requests}
    assert tokens == {"Bearer hf_secretsecret"}
    hub.refusals["org/bert"] = (403, "GatedRepo")
    with pytest.raises(InvalidArgumentError) as caught:
        open_checkpoint("org/bert")
    assert "secretsecret" not in str(caught.value) + "".join(capfd.readouterr())


def test_the_command_line_honors_the_endpoint(hub, bert, tmp_path):
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "home"),
        "HF_TOKEN": "hf_secretsecret",
    }
    words = [sys.executable, "-m", "posembed", "inspect", "org/bert", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    assert json.loads(done.stdout)["checkpoint"] == f"org/bert@{COMMIT}"
    assert "secretsecret" not in done.stdout + done.stderr
