"""Which texts a search has read: names and folders do not count, contents do."""

import hashlib
import shutil

from posembed.quality.search.searched_texts import searched_texts
from posembed.records.search import SearchOptions


def write(folder, count):
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.{('md', 'txt')[number % 2]}").write_text(f"text {number}", encoding="utf-8")
    return folder


def test_files_are_counted_by_kind_and_content(tmp_path):
    folder = write(tmp_path / "a", 30)
    found = searched_texts(SearchOptions(data=str(folder)), ("train", "validation"))
    assert (found.files, sum(found.kinds.values()), found.splits) == (27, 27, ("train", "validation"))
    assert set(found.kinds) == {"Markdown", "plain text"}
    fewer = searched_texts(SearchOptions(data=str(folder)), ("validation",))
    assert fewer.files == 3
    assert fewer.sha256 != found.sha256
    moved = shutil.move(folder, tmp_path / "b")
    assert searched_texts(SearchOptions(data=str(moved)), found.splits).sha256 == found.sha256
    for file in moved.iterdir():
        file.write_text(f"{file.read_text(encoding='utf-8')}!", encoding="utf-8")
    assert searched_texts(SearchOptions(data=str(moved)), found.splits).sha256 != found.sha256
    assert found.own is None


def test_a_user_s_own_data_are_hashed(tmp_path):
    folder = write(tmp_path / "a", 30)
    (tmp_path / "qrels").mkdir()
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    found = searched_texts(SearchOptions(data=str(folder), corpus=str(tmp_path)), ("validation",))
    assert found.own == {
        name: hashlib.sha256(file.encode()).hexdigest()
        for name, file in (("corpus", "corpus.jsonl"), ("queries", "queries.jsonl"), ("qrels", "qrels/test.tsv"))
    }
