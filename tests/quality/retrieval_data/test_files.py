"""Where the three files are."""

import pytest

from posembed.errors import DataError, InvalidArgumentError
from posembed.quality.retrieval_data.files import RetrievalFiles, find_files


@pytest.fixture
def folder(tmp_path):
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv", "other.tsv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_a_folder_holds_all(folder):
    wanted = RetrievalFiles(folder / "corpus.jsonl", folder / "queries.jsonl", folder / "qrels" / "test.tsv")
    assert find_files(str(folder), None, None) == wanted
    paths = [str(path) for path in (wanted.corpus, wanted.queries, wanted.qrels)]
    assert find_files(*paths) == wanted
    assert find_files(None, None, None) is None
    own = find_files(str(folder), None, str(folder / "other.tsv"))
    assert own == RetrievalFiles(wanted.corpus, wanted.queries, folder / "other.tsv")


def test_another_set_of_judgments(folder):
    (folder / "qrels" / "test.tsv").rename(folder / "qrels" / "dev.tsv")
    assert find_files(str(folder), None, None).qrels == folder / "qrels" / "dev.tsv"
    (folder / "qrels" / "train.tsv").touch()
    with pytest.raises(DataError, match=r"has no test\.tsv but dev\.tsv, train\.tsv: name one of them with `qrels`"):
        find_files(str(folder), None, None)


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_a_missing_file(folder, name):
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"{name}: no such file; a retrieval data set has"):
        find_files(str(folder), None, None)


@pytest.mark.parametrize(
    ("queries", "qrels", "missing"), [(None, None, "queries"), ("queries.jsonl", None, "qrels"), (None, "x", "queries")]
)
def test_a_file_of_documents_needs_the_others(folder, queries, qrels, missing):
    with pytest.raises(InvalidArgumentError, match=f"is not a folder, so `{missing}` must be named"):
        find_files(str(folder / "corpus.jsonl"), queries, qrels)


@pytest.mark.parametrize(
    ("queries", "qrels", "given"), [("a", None, "queries"), (None, "a", "qrels"), ("a", "b", "queries")]
)
def test_without_documents(queries, qrels, given):
    with pytest.raises(InvalidArgumentError, match=f"`{given}` goes with `corpus`"):
        find_files(None, queries, qrels)
