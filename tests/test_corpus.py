import hashlib
import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from posembed.corpus import Corpus, load_corpus
from posembed.errors import WorkFailedError


def documents(corpus: Corpus) -> dict[str, list[bytes]]:
    """The text of each set, document by document."""
    ends = np.flatnonzero(corpus.train == corpus.separator)
    train = np.split(corpus.train, ends + 1)[:-1]
    return {
        "train": [part[:-1].astype(np.uint8).tobytes() for part in train],
        "validation": [part.astype(np.uint8).tobytes() for part in corpus.validation],
        "test": [part.astype(np.uint8).tobytes() for part in corpus.test],
    }


def test_the_standard_library():
    corpus = load_corpus("stdlib")
    sets = documents(corpus)
    assert sum(map(len, sets.values())) > 300
    assert sum(len(text) for text in sets["train"]) > 2_000_000
    everything = [text for part in sets.values() for text in part]
    assert len(set(everything)) == len(everything)
    assert Path(os.__file__).read_bytes() in everything
    assert corpus.skipped == ()
    assert (corpus.separator, corpus.mask, corpus.vocab_size) == (256, 257, 258)


def test_the_standard_library_is_taken_without_its_tests(tmp_path, monkeypatch):
    for index in range(40):
        (tmp_path / f"module{index}.py").write_text(f"# module {index}\n")
    for name in ("test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"):
        (tmp_path / "package" / name).mkdir(parents=True)
        (tmp_path / "package" / name / "left_out.py").write_text("# left out\n")
    (tmp_path / "LICENSE.txt").write_text("left out\n")
    (tmp_path / "package" / "__init__.py").write_text("# module of a package\n")
    monkeypatch.setattr("sysconfig.get_paths", lambda: {"stdlib": str(tmp_path)})
    texts = [text for part in documents(load_corpus("stdlib")).values() for text in part]
    assert sorted(texts) == sorted([*(f"# module {i}\n".encode() for i in range(40)), b"# module of a package\n"])


def test_every_document_is_in_one_set(corpus, corpus_dir):
    sets = documents(corpus)
    files = {path.read_bytes() for path in corpus_dir.rglob("*.txt")}
    assert len(files) == 80
    assert sorted(text for part in sets.values() for text in part) == sorted(files)
    assert {name: len(part) for name, part in sets.items()} == {"train": 64, "validation": 8, "test": 8}
    assert corpus.train_documents == 64
    assert corpus.skipped == ()
    assert corpus.train.dtype == np.int32
    # the split is by content hash: sorted digests, cut at 80 % and 90 %
    ordered = sorted(files, key=lambda text: hashlib.sha256(text).digest())
    assert [sets["train"], sets["validation"], sets["test"]] == [ordered[:64], ordered[64:72], ordered[72:]]


def test_equal_files_are_one_document(corpus, corpus_dir, tmp_path):
    shutil.copytree(corpus_dir, tmp_path / "copy")
    for index, path in enumerate(sorted(corpus_dir.rglob("*.txt"))):
        shutil.copy(path, tmp_path / "copy" / f"again-{index}.txt")
    assert documents(load_corpus(str(tmp_path / "copy"))) == documents(corpus)


def test_neither_names_nor_order_nor_place_matter(corpus, corpus_dir, tmp_path, monkeypatch):
    texts = [path.read_bytes() for path in corpus_dir.rglob("*.txt")]
    random.Random(3).shuffle(texts)
    for index, text in enumerate(texts):
        (tmp_path / f"{'abc'[index % 3]}").mkdir(exist_ok=True)
        (tmp_path / f"{'abc'[index % 3]}" / f"n{index}").write_bytes(text)
    listing = os.walk

    def backwards(root, **options):
        for folder, names, files in listing(root, **options):
            names.reverse()
            yield folder, names, files[::-1]

    moved = load_corpus(str(tmp_path))
    monkeypatch.setattr(os, "walk", backwards)
    for other in (moved, load_corpus(str(tmp_path)), load_corpus(str(corpus_dir))):
        assert other.sha256 == corpus.sha256
        assert documents(other) == documents(corpus)


def test_the_fingerprint_sees_every_byte(corpus, corpus_dir, tmp_path):
    shutil.copytree(corpus_dir, tmp_path / "copy")
    file = tmp_path / "copy" / "01.txt"
    file.write_bytes(file.read_bytes().replace(b"e", b"f", 1))
    assert load_corpus(str(tmp_path / "copy")).sha256 != corpus.sha256


def test_a_file_is_cut_in_order_at_line_ends(tmp_path):
    lines = [f"line {index} of the file\n".encode() for index in range(12_000)]
    file = tmp_path / "text.txt"
    file.write_bytes(b"".join(lines))
    corpus = load_corpus(str(file))
    sets = documents(corpus)
    pieces = sets["train"] + sets["validation"] + sets["test"]
    assert b"".join(pieces) == b"".join(lines)
    assert all(piece.endswith(b"\n") and piece.startswith(b"line ") for piece in pieces)
    assert all(8192 <= len(piece) < 8192 + 40 for piece in pieces[:-1])
    assert len(sets["train"]) == round(0.8 * len(pieces))
    assert len(sets["validation"]) == round(0.9 * len(pieces)) - len(sets["train"])


def test_a_file_without_line_ends_is_cut_between_characters(tmp_path):
    text = "".join(f"日本語{number}の文章" for number in range(20_000))
    file = tmp_path / "long.txt"
    file.write_text(text, encoding="utf-8")
    sets = documents(load_corpus(str(file)))
    pieces = sets["train"] + sets["validation"] + sets["test"]
    assert "".join(piece.decode("utf-8") for piece in pieces) == text  # a cut character would not decode
    assert all(8189 <= len(piece) <= 2 * 8192 for piece in pieces[:-1])


def test_repeats_within_a_file_are_not_tested_on(tmp_path):
    file = tmp_path / "yes.txt"
    file.write_text("y\n" * 200_000 + "".join(f"line {number}\n" for number in range(30_000)))
    sets = documents(load_corpus(str(file)))
    assert set(sets["train"]).isdisjoint(sets["test"] + sets["validation"])


def test_what_is_left_out_of_a_directory_is_listed(corpus, corpus_dir, tmp_path, monkeypatch):
    root = tmp_path / "copy"
    shutil.copytree(corpus_dir, root)
    (root / "picture.png").write_bytes(b"\x89PNG\xff\xfe" * 40)
    (root / "zeros.txt").write_bytes(b"text\0text" * 40)
    (root / "secret.txt").write_text("not readable " * 20)
    (root / "gone.txt").symlink_to(root / "nowhere")
    (root / "loop.txt").symlink_to(root / "loop.txt")
    (root / "inner" / "up").symlink_to(root)  # followed, this would never end
    os.mkfifo(root / "pipe.txt")
    (root / "blank.txt").write_text(" \n\t\n")
    (root / "empty.txt").write_text("")
    (root / ".hidden").write_text("not text that anybody meant")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("nor this")
    read = Path.read_bytes
    denied = PermissionError(13, "Permission denied")

    def guarded(path):
        if path.name == "secret.txt":
            raise denied
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", guarded)
    found = load_corpus(str(root))
    assert found.sha256 == corpus.sha256
    assert {line.removeprefix(f"{root}/") for line in found.skipped} == {
        "picture.png: not UTF-8 text",
        "zeros.txt: not text (it holds NUL bytes)",
        "secret.txt: Permission denied",
        "gone.txt: No such file or directory",
        "loop.txt: Too many levels of symbolic links",
        "pipe.txt: not a regular file",
    }


def test_a_folder_that_cannot_be_listed_is_named(corpus_dir, monkeypatch):
    scan = os.scandir

    def guarded(path):
        if Path(path).name == "inner":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", guarded)
    assert load_corpus(str(corpus_dir)).skipped == (f"{corpus_dir / 'inner'}: Permission denied",)


@pytest.mark.parametrize("failing", ["scandir", "read_bytes"])
def test_a_disk_that_fails_ends_the_work(corpus_dir, monkeypatch, failing):
    """Numbers from a part of the texts would be other numbers, and nobody would know."""
    holder = os if failing == "scandir" else Path
    real = getattr(holder, failing)

    def guarded(path):
        if Path(path).name in ("inner", "07.txt"):
            raise OSError(5, "Input/output error", str(path))
        return real(path)

    monkeypatch.setattr(holder, failing, guarded)
    with pytest.raises(
        WorkFailedError, match=r"(?:inner|07\.txt) cannot be read \(Input/output error\): check the disk"
    ):
        load_corpus(str(corpus_dir))
    if failing == "read_bytes":
        with pytest.raises(WorkFailedError, match=r"07\.txt cannot be read"):
            load_corpus(str(corpus_dir / "07.txt"))
