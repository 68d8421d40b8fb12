"""Documents, queries and judgments of a folder in BEIR's layout."""

import re

import pytest

from posembed.errors import DataError
from posembed.quality.retrieval_data.files import RetrievalFiles
from posembed.quality.retrieval_data.read import read_retrieval_data

CORPUS = '{"_id": "d1", "title": "Cats", "text": "They purr."}\n{"_id": "d2", "text": "Dogs bark."}\n'
QUERIES = '{"_id": "q1", "text": "who purrs?"}\n{"_id": "q2", "text": "who barks?", "metadata": {}}\n'
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\nq2\td2\t2\n"


@pytest.fixture
def read(tmp_path):
    def make(corpus=CORPUS, queries=QUERIES, qrels=QRELS):
        paths = [tmp_path / name for name in ("corpus.jsonl", "queries.jsonl", "test.tsv")]
        for path, content in zip(paths, (corpus, queries, qrels), strict=True):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_retrieval_data(RetrievalFiles(*paths))

    return make


def test_the_usual_layout(read):
    found = read()
    assert found.documents == {"d1": "Cats\nThey purr.", "d2": "Dogs bark."}
    assert found.queries == {"q1": "who purrs?", "q2": "who barks?"}
    assert found.relevant == {"q1": {"d1": 1, "d2": 0}, "q2": {"d2": 2}}
    assert found.unjudged == 0


def test_what_else_is_accepted(read):
    usual = read()
    assert read(*(text.replace("\n", "\r\n") for text in (CORPUS, QUERIES, QRELS))) == usual
    assert read(*(f"\ufeff{text}\n\n" for text in (CORPUS, QUERIES, QRELS))) == usual
    assert read(qrels=QRELS.partition("\n")[2]) == usual, "the first line may be missing"
    assert read(CORPUS.replace("_id", "id"), QUERIES.replace("_id", "id")) == usual
    numbers = [text.replace('"d', '"').replace("\td", "\t") for text in (CORPUS, QUERIES, QRELS)]
    digits = read(re.sub(r'"_id": "(\d)"', r'"_id": \1', numbers[0]), *numbers[1:])
    assert list(digits.documents) == ["1", "2"]
    assert read(CORPUS.replace("Cats", "猫 Kätzchen")).documents["d1"] == "猫 Kätzchen\nThey purr."
    assert read(CORPUS.replace('"Cats"', "null")).documents["d1"] == "They purr."
    assert read(CORPUS.replace("They purr.", "")).documents["d1"] == "Cats", "a title alone is a text"
    assert read(CORPUS.replace("Cats", "\\ud800")).documents["d1"] == "?\nThey purr."


def test_queries_without_a_relevant_document_are_left_out(read):
    found = read(qrels=QRELS.replace("q2\td2\t2", "q2\td2\t0"), queries=QUERIES + '{"_id": "q3", "text": "train"}')
    assert set(found.queries) == set(found.relevant) == {"q1"}
    assert found.unjudged == 2


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"corpus": CORPUS + "{broken\n"}, r"corpus\.jsonl:3: not a line of JSON \(Expecting property name"),
        ({"corpus": CORPUS + "[1]\n"}, r"corpus\.jsonl:3: \[1\] is not a JSON object"),
        ({"corpus": CORPUS + '{"text": "x"}\n'}, r"corpus\.jsonl:3: the document has no '_id'"),
        ({"corpus": CORPUS + '{"_id": "", "text": "x"}\n'}, r"corpus\.jsonl:3: the document has no '_id'"),
        ({"corpus": CORPUS + '{"_id": true, "text": "x"}\n'}, r"corpus\.jsonl:3: the document has no '_id'"),
        ({"corpus": CORPUS + CORPUS}, r"corpus\.jsonl:3: the document 'd1' is there twice"),
        ({"corpus": CORPUS + '{"_id": "d3"}\n'}, r"corpus\.jsonl:3: the document 'd3' has no text"),
        ({"corpus": CORPUS + '{"_id": "d3", "text": " "}\n'}, r"corpus\.jsonl:3: the document 'd3' has no text"),
        (
            {"corpus": CORPUS + '{"_id": "d3", "text": 7}\n'},
            r"corpus\.jsonl:3: 'text' of 'd3' is not text but a number",
        ),
        ({"corpus": ""}, r"corpus\.jsonl: the file is empty"),
        ({"corpus": CORPUS.encode() + b"\xff\n"}, r"corpus\.jsonl:3: not UTF-8 text \(byte 0 of the line\)"),
        ({"corpus": "[" * 100_000}, r"corpus\.jsonl:1: not a line of JSON \(nested too deep"),
        ({"queries": QUERIES + QUERIES}, r"queries\.jsonl:3: the query 'q1' is there twice"),
        ({"queries": '{"_id": "q1", "title": "x"}'}, r"queries\.jsonl:1: the query 'q1' has no text"),
        ({"queries": "\n \n"}, r"queries\.jsonl: the file is empty"),
        ({"qrels": QRELS + "q1\tx\t1\n"}, r"test\.tsv:5: there is no document 'x'"),
        ({"qrels": QRELS + "x\td1\t1\n"}, r"test\.tsv:5: there is no query 'x'"),
        ({"qrels": QRELS + "q1 d1 1\n"}, r"test\.tsv:5: 1 columns, 3 are needed: query-id, corpus-id, score"),
        ({"qrels": QRELS + "q2\td1\tmuch\n"}, r"test\.tsv:5: the score 'much' is not a whole number"),
        ({"qrels": QRELS + "q1\td1\t0\n"}, r"test\.tsv:5: the query 'q1' and the document 'd1' are judged twice"),
        ({"qrels": "query-id\tcorpus-id\tscore\n"}, r"test\.tsv: no query has a document with a score above 0"),
        ({"qrels": "q1\td1\t0\n"}, r"test\.tsv: no query has a document with a score above 0"),
        ({"qrels": ""}, r"test\.tsv: no query has a document"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(read, changed, sentence):
    with pytest.raises(DataError, match=sentence):
        read(**changed)


def test_a_file_that_cannot_be_read(tmp_path):
    files = RetrievalFiles(tmp_path, tmp_path, tmp_path)
    with pytest.raises(DataError, match="is a directory; give a file"):
        read_retrieval_data(files)
