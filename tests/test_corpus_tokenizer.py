import sys

import numpy as np
import pytest

from posembed.corpus import load_corpus
from posembed.errors import DataError, MissingExtraError


@pytest.fixture
def tokenizer_file(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    text = "[UNK] the a cat dog bird sat ran flew on under over mat rug tree and then it was not seen"
    ids = {word: index for index, word in enumerate(text.split())} | {
        "again": 40
    }  # an id far beyond the number of words
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=150)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return str(tmp_path / "tokenizer.json")


def test_a_tokenizer(corpus, corpus_dir, tokenizer_file):
    tokens = load_corpus(str(corpus_dir), tokenizer_file)
    assert (tokens.separator, tokens.mask, tokens.vocab_size) == (41, 42, 43)  # above every id, not every word
    words = [document.astype(np.uint8).tobytes().decode().split() for document in corpus.test]
    assert [len(document) for document in tokens.test] == [len(text) for text in words]  # nothing cut, nothing padded
    assert [40 in document for document in tokens.test] == ["again" in text for text in words]
    assert tokens.sha256 != corpus.sha256


def test_tokenizers_that_cannot_be_used(corpus_dir, tmp_path, monkeypatch, tokenizer_file):
    with pytest.raises(DataError, match=r"tokenizer='.*nowhere.json': no such file; give a tokenizer.json"):
        load_corpus(str(corpus_dir), str(tmp_path / "nowhere.json"))
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(DataError, match=r"broken.json': not a tokenizer.json \("):
        load_corpus(str(corpus_dir), str(tmp_path / "broken.json"))
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtraError, match=r'`tokenizer` needs .*pip install "posembed\[models\]"'):
        load_corpus(str(corpus_dir), tokenizer_file)
