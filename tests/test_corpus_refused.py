import os
import re
from pathlib import Path

import pytest

from posembed.corpus import load_corpus, require_length
from posembed.errors import DataError
from posembed.text_files import require_source


def make(path: Path, content: bytes | None) -> Path:
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty; there is nothing to train on"),
        (b" \n\t \n", "the file is empty"),
        (b"text\0text", "holds NUL bytes, so it is not text"),
        (b"caf\xe9", r"not UTF-8 text \(byte 3\); convert it first"),
        (b"one line\n", "too little text: no document is left for the validation set; give at least a few dozen"),
        (None, "holds no text"),
    ],
)
def test_data_that_cannot_be_used(tmp_path, content, message):
    path = make(tmp_path / "data", content)
    with pytest.raises(DataError, match=rf"^data={re.escape(repr(str(path)))}: .*{message}"):
        load_corpus(str(path))


def test_a_source_is_refused_before_anything_is_read(tmp_path):
    require_source("stdlib")
    require_source(str(tmp_path))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for data, fault in (
        ("", "`data` is empty; give stdlib"),
        (str(tmp_path / "none"), "none': no such file or directory"),
        (str(pipe), "pipe': neither a regular file nor a directory"),
        ("x" * 300, r"x' cannot be read \(File name too long\)"),
        ("nul\0byte", "no such file or directory"),
    ):
        with pytest.raises(DataError, match=fault):
            require_source(data)
    with pytest.raises(DataError, match=r"tokenizer='none.json': no such file"):
        require_source("stdlib", "none.json")


def test_missing_and_unreadable_paths(tmp_path, monkeypatch):
    with pytest.raises(
        DataError, match="nowhere': no such file or directory; give a text file, a directory, or stdlib"
    ):
        load_corpus(str(tmp_path / "nowhere"))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe': neither a regular file nor a directory; give one of them, or stdlib"):
        load_corpus(str(tmp_path / "pipe"))
    (tmp_path / "pipe").unlink()
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(DataError, match="loop': no such file or directory"):
        load_corpus(str(loop))
    for index in range(3):
        (tmp_path / f"{index}.txt").write_text(f"text {index}")
    with pytest.raises(DataError, match=r"no document is left for the test set.*\(1 files left out, first: .*loop"):
        load_corpus(str(tmp_path))
    monkeypatch.setattr(Path, "read_bytes", lambda _: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(DataError, match=r"0.txt': cannot be read \(Permission denied\)"):
        load_corpus(str(tmp_path / "0.txt"))


def test_a_length_that_the_data_cannot_fill_names_the_largest_that_fits(corpus):
    second = [sorted(map(len, part))[-2] for part in (corpus.validation, corpus.test)]
    assert second[0] != second[1]
    largest = min(second) - 1
    require_length(corpus, largest, "x")
    with pytest.raises(DataError, match=f"train_length={largest + 1} is larger than .*fits is {largest}$"):
        require_length(corpus, largest + 1, "x")
    for length in (max(second), 10**6):  # whichever limit is met first, the number given can be used
        with pytest.raises(DataError, match=f"largest length that fits is {largest}$"):
            require_length(corpus, length, "x")
