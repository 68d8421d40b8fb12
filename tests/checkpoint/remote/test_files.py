"""Checkpoints in file systems of fsspec, an S3-compatible server among them."""

import contextlib
import socket

import fsspec
import numpy as np
import pytest

from posembed.checkpoint.local_copy import local_copy
from posembed.checkpoint.remote.address import UrlAddress
from posembed.checkpoint.remote.files import cache_folder
from posembed.checkpoint.remote.urls import open_url
from posembed.checkpoint.source import open_checkpoint
from posembed.errors import InvalidArgumentError
from tests.fixtures.servers import write_bert

POSITION = "embeddings.position_embeddings.weight"


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """A checkpoint in fsspec's file system in memory."""
    monkeypatch.setenv("POSEMBED_CACHE", str(tmp_path / "cache"))
    folder = write_bert(tmp_path / "bert", words=40_000)
    system = fsspec.filesystem("memory")
    system.put(str(folder), "/models/bert", recursive=True)
    yield folder
    system.rm("/models", recursive=True)


def test_a_folder_is_read_by_its_parts(memory):
    checkpoint = open_checkpoint("memory://models/bert")
    assert checkpoint.address == "memory://models/bert"
    assert np.array_equal(checkpoint.read(POSITION), open_checkpoint(memory).read(POSITION))
    assert checkpoint.shadow.files["model.safetensors"].fetched < (memory / "model.safetensors").stat().st_size // 2


def test_a_file_has_the_configuration_beside_it(memory):
    checkpoint = open_checkpoint("memory://models/bert/model.safetensors")
    assert checkpoint.config["model_type"] == "bert"
    assert sorted(checkpoint.shadow.files) == ["config.json", "model.safetensors"]


def test_nothing_there_is_said(memory):
    with pytest.raises(InvalidArgumentError, match="'memory://models/gone' does not exist"):
        open_checkpoint("memory://models/gone")
    with pytest.raises(InvalidArgumentError, match=r"'memory://models/gone\.safetensors' does not exist"):
        open_checkpoint("memory://models/gone.safetensors")


def test_a_copy_is_kept_for_the_next_call(memory):
    first = local_copy("memory://models/bert")
    assert first.address == "memory://models/bert"
    assert (first.path / "model.safetensors").read_bytes() == (memory / "model.safetensors").read_bytes()
    assert first.path.name == "bert"
    assert first.path.is_relative_to(cache_folder())
    before = (first.path / "model.safetensors").stat().st_mtime_ns
    assert local_copy("memory://models/bert") == first
    assert (first.path / "model.safetensors").stat().st_mtime_ns == before


def test_a_new_version_has_a_folder_of_its_own(memory):
    first = local_copy("memory://models/bert").path
    fsspec.filesystem("memory").pipe("/models/bert/config.json", b'{"model_type": "roberta"}')
    second = local_copy("memory://models/bert").path
    assert first != second
    assert (second / "config.json").read_text() == '{"model_type": "roberta"}'


def test_where_copies_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("POSEMBED_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("POSEMBED_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "posembed"


@pytest.fixture
def bucket(monkeypatch, tmp_path):
    """A bucket of an S3-compatible server on the loopback."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server")
    import boto3
    import s3fs

    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    running.start()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("POSEMBED_CACHE", str(tmp_path / "cache"))
    s3fs.S3FileSystem.clear_instance_cache()
    client = boto3.client("s3")
    client.create_bucket(Bucket="models")
    yield client
    s3fs.S3FileSystem.clear_instance_cache()
    running.stop()


@pytest.mark.filterwarnings("default")  # of the server and its client
def test_a_bucket_is_read_by_ranges(bucket, tmp_path, monkeypatch):
    folder = write_bert(tmp_path / "bert", words=40_000)
    for file in folder.iterdir():
        bucket.upload_file(str(file), "models", f"nlp/bert/{file.name}")
    checkpoint = open_checkpoint("s3://models/nlp/bert")
    assert np.array_equal(checkpoint.read(POSITION), open_checkpoint(folder).read(POSITION))
    table, size = checkpoint.read(POSITION).nbytes, (folder / "model.safetensors").stat().st_size
    assert checkpoint.shadow.fetched <= table + (1 << 20) < size
    copy = local_copy(checkpoint)
    assert (copy.path / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    with pytest.raises(InvalidArgumentError, match="'s3://models/nlp/gone' does not exist"):
        open_checkpoint("s3://models/nlp/gone")


def test_a_store_names_what_its_server_does_not_say(memory):
    store = open_url(UrlAddress("memory://models/bert"))
    assert store.size("config.json") == (memory / "config.json").stat().st_size
    assert store.read("config.json", 0, 1) == b"{"
    assert store.shown == "memory://models/bert"
