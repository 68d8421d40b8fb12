"""Files of a directory, with their names, in three sets."""

import itertools

import pytest

from posembed.errors import DataError
from posembed.text_files import File, require_source, split_files, split_texts


def test_files_keep_their_names(tmp_path):
    for number in range(40):
        (tmp_path / f"{number}.md").write_text(f"text {number}", encoding="utf-8")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    sets, skipped = split_files(str(tmp_path))
    files = [file for each in sets.values() for file in each]
    assert {file.name: file.content for file in files} == {
        str(tmp_path / f"{number}.md"): f"text {number}".encode() for number in range(40)
    }
    assert [len(sets[name]) for name in ("train", "validation", "test")] == [32, 4, 4]
    assert skipped == (f"{tmp_path}/binary: not UTF-8 text",)
    assert split_texts(str(tmp_path)) == ({n: [f.content for f in files] for n, files in sets.items()}, skipped)


def test_equal_files_are_one_document_with_the_first_name(tmp_path):
    for number in range(60):
        (tmp_path / f"{number:02}.txt").write_text(f"text {number % 30}", encoding="utf-8")
    sets, _ = split_files(str(tmp_path))
    names = [file.name for each in sets.values() for file in each]
    assert sorted(names) == [str(tmp_path / f"{number:02}.txt") for number in range(30)]


def test_pieces_of_a_file_have_its_name(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("".join(f"line {number}\n" for number in range(30000)), encoding="utf-8")
    sets, _ = split_files(str(path))
    pieces = [file for each in sets.values() for file in each]
    assert {file.name for file in pieces} == {str(path)}
    assert b"".join(file.content for file in pieces) == path.read_bytes()
    for one, other in itertools.combinations(sets.values(), 2):
        assert not {file.content for file in one} & {file.content for file in other}


def test_no_source():
    with pytest.raises(DataError, match="`data` is empty"):
        require_source("")
    assert File("a", b"b") == File("a", b"b")
