"""Texts in three sets without a common document."""

import itertools

import pytest

from posembed.errors import DataError
from posembed.quality.texts import is_one_file, joined, load_texts, load_whole_texts, prose


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


def test_prose_has_thirty_words():
    """Below that a string is rather a message or a pattern; more would leave too little text for three sets."""
    long, short = "word " * 30, "word " * 29
    assert prose(f"x = {long!r}") == long.strip()
    assert prose(f"x = {short!r}") == ""
    assert prose(f"x = {long!r}.encode(); y = b{long!r}") == long.strip()


def test_pieces_are_joined_to_documents_of_a_length():
    assert joined([], 3) == [[]]
    assert joined([[1], [2]], 3) == [[1, 2]]
    assert joined([[1, 2, 3], [4, 5, 6]], 3) == [[1, 2, 3], [4, 5, 6]]
    assert joined([[1, 2, 3], [4, 5, 6], [7, 8]], 3) == [[1, 2, 3], [4, 5, 6, 7, 8]]
    pieces = [[1, 2], [3, 4], [5, 6]]
    assert joined(pieces, 4) == [[1, 2, 3, 4, 5, 6]]
    assert pieces == [[1, 2], [3, 4], [5, 6]]


def test_one_file_is_one_text(tmp_path):
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    assert is_one_file(str(tmp_path / "a.txt"))
    assert not is_one_file(str(tmp_path))
    assert not is_one_file("stdlib")


def test_a_directory_s_texts_are_not_parsed(tmp_path):
    for number in range(30):
        (tmp_path / f"{number}.txt").write_text(f"x = {number} " * 40, encoding="utf-8")
    assert load_texts(str(tmp_path)) == load_whole_texts(str(tmp_path))


@pytest.mark.parametrize("data", ["", "absent"])
def test_no_data(data):
    with pytest.raises(DataError):
        load_texts(data)
