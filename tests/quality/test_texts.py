"""Texts in three sets without a common document."""

import itertools

import pytest

from posembed.errors import DataError
from posembed.quality.texts import is_one_file, joined, load_documents, load_texts, load_whole_texts, prose


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


def page(number):
    return f"# Page {number}\n\nAbout number {number}.\n\n## Use\n\nIt is used {number} times.\n"


def test_documents_have_titles_and_sections(tmp_path):
    for number in range(40):
        (tmp_path / f"{number}.md").write_text(page(number), encoding="utf-8")
    sets = {name: load_documents(str(tmp_path), name) for name in ("train", "validation", "test")}
    assert [len(sets[name]) for name in sets] == [32, 4, 4]
    titles = sorted(document.title for documents in sets.values() for document in documents)
    assert titles == sorted(f"Page {number}" for number in range(40))
    assert all(document.sections[1].heading == "Use" for documents in sets.values() for document in documents)
    assert load_documents(str(tmp_path)) == sets["test"]
    assert load_documents(str(tmp_path), "all") == [document for name in sets for document in sets[name]]


def test_every_ending_has_its_reader(tmp_path):
    contents = {
        "md": "# Cats\n\nThey purr.", "rst": "Cats\n====\n\nThey purr.", "html": "<h1>Cats</h1>They purr.",
        "txt": "Cats\n\nThey purr.", "py": '"""Cats\n\nThey purr.\n"""', "none": "",
    }  # fmt: skip
    for number in range(60):
        ending = list(contents)[number % 6]
        text = contents[ending].replace("purr.", f"purr {number}.")
        (tmp_path / f"{number}.{ending}").write_bytes(text.replace("\n", "\r\n").encode())
    found = [d for name in ("train", "validation", "test") for d in load_documents(str(tmp_path), name)]
    assert len(found) == 50, "empty files are no documents"
    assert {document.title for document in found} == {"Cats"}
    assert sorted(document.text for document in found) == sorted(f"They purr {n}." for n in range(60) if n % 6 < 5)


def test_html_is_read_without_markup_and_python_as_prose(tmp_path):
    for number in range(30):
        (tmp_path / f"{number}.html").write_text(
            f"<title>T{number}</title><script>x</script><p>Text.", encoding="utf-8"
        )
        source = f'"""{"word " * 30}{number}"""\nx = 1'
        (tmp_path / f"{number}.py").write_text(source, encoding="utf-8")
    texts = [text for each in load_texts(str(tmp_path)).values() for text in each]
    assert len(texts) == 60
    assert set(texts) == {f"T{n}\n\nText." for n in range(30)} | {f"{'word ' * 30}{n}" for n in range(30)}


def test_parts_of_one_file_are_documents(tmp_path):
    path = tmp_path / "book.md"
    words = " ".join(f"word{number}" for number in range(300))
    path.write_text("".join(f"# Chapter {number}\n\n{words} {number}\n\n" for number in range(300)), encoding="utf-8")
    sets = {name: load_documents(str(path), name) for name in ("train", "validation", "test")}
    titles = [{document.title for document in documents} for documents in sets.values()]
    assert len(sets["test"]) >= 25
    assert not titles[0] & titles[2]
    assert not titles[1] & titles[2]
    assert all(document.text.startswith("word0") for document in sets["test"])


def test_pieces_of_a_file_without_headings_have_no_title(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("".join(f"it is line {number}, and so on.\n" for number in range(20000)), encoding="utf-8")
    documents = load_documents(str(path))
    assert len(documents) > 5
    assert {document.title for document in documents} == {""}


def test_documents_of_the_standard_library():
    documents = load_documents("stdlib", "validation")
    assert len(documents) > 30
    assert sum(bool(document.title) for document in documents) > 25


def test_small_files_and_all_but_the_first_can_be_left_out(tmp_path):
    for number in range(40):
        (tmp_path / f"{number}.txt").write_text(f"text {number} " * (number + 1), encoding="utf-8")
    every = load_documents(str(tmp_path), "train")
    large = load_documents(str(tmp_path), "train", least=100)
    assert {each.text for each in large} == {each.text for each in every if len(each.text) >= 99}
    assert [each.text for each in load_documents(str(tmp_path), "train", least=100, most=3)] == [
        each.text for each in large[:3]
    ]
