"""A checkpoint is opened and searched once, however many functions work on it."""

import pytest

from posembed import find_tables, plan_extension
from posembed.checkpoint import source
from posembed.checkpoint.source import open_checkpoint
from posembed.commands.inspect import inspect_checkpoint
from posembed.find import search
from posembed.find.override import override_one
from posembed.records.override import Override

POSITION = "embeddings.position_embeddings.weight"


@pytest.fixture
def reads(monkeypatch):
    """The files whose headers were read, and how often a checkpoint was searched for tables."""
    headers, searches = [], []
    read_header, find_in = source.read_header, search.find_in
    monkeypatch.setattr(source, "read_header", lambda path: headers.append(path) or read_header(path))
    monkeypatch.setattr(search, "find_in", lambda *given: searches.append(1) or find_in(*given))
    return headers, searches


def test_an_opened_checkpoint_is_taken_wherever_a_path_is(bert, reads):
    headers, searches = reads
    checkpoint = open_checkpoint(bert)
    assert open_checkpoint(checkpoint) is checkpoint
    tables = find_tables(checkpoint)
    assert [table.key for table in tables] == [table.key for table in find_tables(bert)]
    headers.clear()
    searches.clear()
    assert find_tables(checkpoint) == tables
    assert inspect_checkpoint(checkpoint).to_dict() == inspect_checkpoint(bert).to_dict()
    assert plan_extension(checkpoint, 32).to_dict() == plan_extension(bert, 32).to_dict()
    assert (len(headers), len(searches)) == (2, 2)  # of the two calls that were given the path


@pytest.mark.parametrize(
    "arguments",
    [("inspect",), ("inspect", "--json"), ("extend", "OUT", "--to=32"), ("extend", "OUT", "--to=32", "--dry-run")],
    ids=" ".join,
)
def test_a_command_reads_headers_once(bert, tmp_path, cli, reads, arguments):
    command, *rest = arguments
    code, _, told = cli(command, bert, *(tmp_path / "out" if each == "OUT" else each for each in rest))
    assert code == 0, told
    headers, searches = reads
    assert headers == [bert / "model.safetensors"]
    assert len(searches) == 1


def test_the_list_of_tables_is_the_callers_own(bert):
    checkpoint = open_checkpoint(bert)
    find_tables(checkpoint).clear()
    assert len(find_tables(checkpoint)) == 2


def test_an_override_does_not_stay(bert):
    checkpoint = open_checkpoint(bert)
    before = find_tables(checkpoint)
    (stated, *_) = find_tables(checkpoint, override=Override(POSITION, reserved=2))
    assert stated.layout.reserved == 2
    assert stated == override_one(checkpoint.tensors, Override(POSITION, reserved=2), before)
    assert find_tables(checkpoint) == before


def test_once_keeps_the_first_result():
    checkpoint = source.Checkpoint(None, None, (), None, {})
    made = []
    for _ in range(2):
        assert checkpoint.once("list", lambda: made.append(1) or made) is made
    assert made == [1]
    assert checkpoint.once("other", lambda: None) is None
    assert checkpoint.once("other", lambda: 1) is None
