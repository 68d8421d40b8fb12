"""Texts in three sets without a common document."""

import itertools

import pytest

from posembed.errors import DataError
from posembed.quality.texts import load_texts, prose


def test_no_document_is_in_two_sets(tmp_path):
    for number in range(60):
        (tmp_path / f"{number}.txt").write_text(f"document {number % 50} " * 40, encoding="utf-8")  # ten stand twice
    texts = load_texts(str(tmp_path))
    assert sum(map(len, texts.values())) == 50
    for one, other in itertools.combinations(texts.values(), 2):
        assert set(one).isdisjoint(other)


def test_the_standard_library_s_prose():
    texts = load_texts("stdlib")
    assert set(texts) == {"train", "validation", "test"}
    for one, other in itertools.combinations(texts.values(), 2):
        assert set(one).isdisjoint(other)
    assert all(sum(map(len, documents)) > 50_000 for documents in texts.values())
    letters = "".join(texts["test"])
    assert letters.count("    def ") < len(letters) / 2000


def test_prose_is_the_long_strings():
    one, two, three = (f"{word} sentence of several words " * 8 for word in ("a", "the", "no"))
    source = f'"""{one}"""\nx = "short"\ndef f():\n    """{two}"""\n    return "\\d" + {three!r}\n'
    assert prose(source).split("\n\n") == [one.strip(), two.strip(), three.strip()]
    assert prose("def broken(:") == ""


@pytest.mark.parametrize("data", ["", "absent"])
def test_no_data(data):
    with pytest.raises(DataError):
        load_texts(data)
