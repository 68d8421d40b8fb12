"""The corpora, in bytes and in word pieces; the pieces are learned from the training documents."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from benchmarks.learned_or_sinusoidal.plan import CORPORA
from posembed.corpus import Corpus, load_corpus
from posembed.files import write_whole
from posembed.text_files import split_texts

VOCABULARY = 1024  # small, so that the output layer does not take most of the time


class Texts:
    """Both corpora, each loaded once.

    Args:
        manuals: folder of manuals that ``python -m benchmarks.real_texts.corpora`` wrote.
        folder: where tokenizers are kept.
    """

    def __init__(self, manuals: Path, folder: Path) -> None:
        self.sources = dict(zip(CORPORA, ("stdlib", str(manuals)), strict=True))
        self.folder = folder
        self.load = functools.cache(self._load)

    def _load(self, corpus: str, unit: str) -> tuple[Corpus, str]:
        """Return a corpus, and the SHA-256 of its tokenizer (empty for bytes)."""
        if unit == "bytes":
            return load_corpus(self.sources[corpus]), ""
        file = self.folder / f"{corpus}.tokenizer.json"
        if not file.exists():
            write_whole(file, lambda path: path.write_text(learn_pieces(self.sources[corpus])), parents=True)
        return load_corpus(self.sources[corpus], str(file)), hashlib.sha256(file.read_bytes()).hexdigest()


def learn_pieces(source: str, vocabulary: int = VOCABULARY) -> str:
    """Return the ``tokenizer.json`` of byte-level pieces, learned from the training documents."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    sets, _ = split_texts(source)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator((text.decode() for text in sets["train"]), trainer)
    written: str = tokenizer.to_str()
    return written
