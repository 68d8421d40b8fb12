"""Web servers: with and without lists of files, with and without ranges, and what they refuse."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from posembed.checkpoint.local_copy import local_copy
from posembed.checkpoint.remote.faults import NoRangesError
from posembed.checkpoint.source import open_checkpoint
from posembed.errors import CheckpointError, InvalidArgumentError, WorkFailedError
from tests.fixtures.servers import write_bert

POSITION = "embeddings.position_embeddings.weight"
pytestmark = pytest.mark.usefixtures("patient")


@pytest.fixture
def bert(web, tmp_path, monkeypatch):
    monkeypatch.setenv("POSEMBED_CACHE", str(tmp_path / "cache"))
    return write_bert(web.folder / "bert", words=40_000)


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize("name", ["bert", "bert/", "bert/model.safetensors", "bert/model.safetensors?token=5ecret"])
def test_a_checkpoint_is_read_by_its_parts(web, bert, name, lists):
    web.lists = lists
    checkpoint = open_checkpoint(f"{web.url}/{name}")
    assert np.array_equal(checkpoint.read(POSITION), open_checkpoint(bert).read(POSITION))
    assert checkpoint.config["model_type"] == "bert"
    assert "5ecret" not in checkpoint.address
    size = (bert / "model.safetensors").stat().st_size
    assert web.sent <= checkpoint.read(POSITION).nbytes + (100 << 10) < size


def write_shards(folder, shards, rows=64):
    """Write a sharded checkpoint of 70 GB that takes no room: what lies between header and table are holes."""
    folder.mkdir()
    weight_map, table = {}, np.random.default_rng(0).normal(size=(rows, 8)).astype(np.float32)
    for number in range(shards):
        name = f"model-{number + 1:05}-of-{shards:05}.safetensors"
        large = (70 << 30) // shards // 4
        tensors = {f"layers.{number}.weight": {"dtype": "F32", "shape": [large], "data_offsets": [0, 4 * large]}}
        end = 4 * large
        if number == shards - 1:
            offsets = [end, end + table.nbytes]
            tensors[POSITION] = {"dtype": "F32", "shape": list(table.shape), "data_offsets": offsets}
        text = json.dumps(tensors).encode()
        text += b" " * (-len(text) % 8)
        with (folder / name).open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            file.truncate(8 + len(text) + end)
            if POSITION in tensors:
                file.seek(0, 2)
                file.write(table.tobytes())
        weight_map |= dict.fromkeys(tensors, name)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "max_position_embeddings": rows}))
    vocabulary = {f"word{number}": number for number in range(200_000)}
    tokenizer = {"version": "1.0", "truncation": {"max_length": 48}, "padding": None, "model": {"vocab": vocabulary}}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    return table


@pytest.mark.parametrize("name", ["large", "large/model.safetensors.index.json"])
def test_inspecting_seventy_gigabytes_costs_headers_and_tables(web, name):
    from posembed.commands.inspect import inspect_checkpoint

    table = write_shards(web.folder / "large", 15)
    card = inspect_checkpoint(f"{web.url}/{name}")
    assert [(found.key, found.usable_length) for found in card.position_tables] == [(POSITION, 64)]
    assert card.position_tables[0].analysis is not None
    assert ("tokenizer.json: truncation.max_length" in [limit.what for limit in card.limits]) == (name == "large")
    headers = 15 * 200
    assert web.sent <= headers + table.nbytes + (1 << 20)


def test_modules_in_folders_are_found_without_a_list(web):
    web.lists = False
    folder = write_bert(web.folder / "st" / "0_Transformer").parent
    (folder / "modules.json").write_text(
        json.dumps(
            [{"idx": 0, "name": "0", "path": "0_Transformer", "type": "sentence_transformers.models.Transformer"}]
        )
    )
    checkpoint = open_checkpoint(f"{web.url}/st")
    assert checkpoint.directory.name == "0_Transformer"
    assert checkpoint.config["model_type"] == "bert"


def test_a_server_without_ranges_is_refused_for_parts_and_used_for_copies(web, bert):
    web.ranges = False
    (bert / "model.safetensors").unlink()
    write_bert(web.folder / "other", rows=10_000)  # the first request has the header, and not all of the table
    (web.folder / "other" / "model.safetensors").rename(bert / "model.safetensors")
    checkpoint = open_checkpoint(f"{web.url}/bert")
    with pytest.raises(NoRangesError, match=r"model\.safetensors': its server sends whole files only") as caught:
        checkpoint.read(POSITION)
    assert caught.value.exit_code == 1
    copy = local_copy(f"{web.url}/bert")
    assert (copy.path / "model.safetensors").read_bytes() == (bert / "model.safetensors").read_bytes()


def test_what_is_missing_or_refused(web, bert):
    with pytest.raises(InvalidArgumentError, match=r"gone\.safetensors' does not exist: check the address"):
        open_checkpoint(f"{web.url}/gone.safetensors")
    with pytest.raises(InvalidArgumentError, match="gone': nothing there is a checkpoint"):
        open_checkpoint(f"{web.url}/gone")
    web.fault = lambda handler: web.send(handler, 403) or True
    for name in ("bert", "bert/model.safetensors"):
        with pytest.raises(InvalidArgumentError, match=r"may not be read \(the server answered 403\)"):
            open_checkpoint(f"{web.url}/{name}")


def test_a_server_that_is_busy_is_asked_again(web, bert):
    left = [2]

    def busy(handler):
        left[0] -= 1
        return left[0] >= 0 and (web.send(handler, 503) or True)

    checkpoint = open_checkpoint(f"{web.url}/bert/model.safetensors")
    web.fault = busy
    assert checkpoint.read(POSITION).shape == (64, 8)
    web.fault = lambda handler: web.send(handler, 503) or True
    with pytest.raises(WorkFailedError, match="the server answered 503"):
        open_checkpoint(f"{web.url}/bert/model.safetensors")


def test_a_connection_that_breaks_leaves_what_has_arrived(web, bert, monkeypatch):
    from posembed.checkpoint.remote import download

    monkeypatch.setattr(download, "PIECE", 100_000)

    web.fault = web.breaks_after(500_000)
    with pytest.raises(WorkFailedError, match=r"model\.safetensors' cannot be reached \(the connection was closed"):
        local_copy(f"{web.url}/bert")
    web.fault, sent = None, web.sent
    copy = local_copy(f"{web.url}/bert")
    assert (copy.path / "model.safetensors").read_bytes() == (bert / "model.safetensors").read_bytes()
    assert web.sent - sent < (bert / "model.safetensors").stat().st_size - 400_000


def test_nobody_there(web):
    web.close()
    with pytest.raises(WorkFailedError, match=r"cannot be reached \(connection refused\)"):
        open_checkpoint(f"{web.url}/bert")


def test_a_broken_file_is_named_by_its_address(web, bert):
    (bert / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=rf"{web.url}/bert/config\.json: is not valid JSON"):
        open_checkpoint(f"{web.url}/bert")


def test_a_page_for_every_address_is_no_file(web):
    web.fault = lambda handler: (
        web.send(handler, 200, b"<html></html>", handler.command == "GET", {"Content-Type": "text/html"}) or True
    )
    with pytest.raises(InvalidArgumentError, match="nothing there is a checkpoint"):
        open_checkpoint(f"{web.url}/app")


def test_other_formats_are_not_downloaded(web, bert):
    for name in ("pytorch_model.bin", "tf_model.h5", "onnx/model.onnx"):
        (bert / name).parent.mkdir(exist_ok=True)
        (bert / name).write_bytes(b"old weights")
    (bert / "1_Pooling").mkdir()
    save_file({"w": np.zeros(3, np.float32)}, bert / "1_Pooling" / "model.safetensors")
    copy = local_copy(f"{web.url}/bert")
    found = sorted(path.relative_to(copy.path).as_posix() for path in copy.path.rglob("*") if path.is_file())
    assert found == ["1_Pooling/model.safetensors", "config.json", "model.safetensors"]
