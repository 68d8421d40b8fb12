"""One small corpus and the sizes that every test here trains with."""

import random

import pytest

from posembed.lab.compare import compare
from posembed.lab.config import UnitConfig
from posembed.lab.corpus import load_corpus
from tests.lab.small_models import causal, embedder, masked, quick, texts

__all__ = ["causal", "embedder", "masked", "quick", "texts"]  # fixtures

TEXT = "the a cat dog bird sat ran flew on under over mat rug tree and then it was not seen again"
TINY = {
    "train_length": 16,
    "d_model": 16,
    "layers": 1,
    "heads": 2,
    "batch_size": 4,
    "learning_rate": 1e-3,
    "steps": 12,
    "warmup_steps": 2,
    "evaluations": 3,
    "windows_per_document": 2,
    "evaluation_documents": 8,
    "precision": "fp32",
}


@pytest.fixture(scope="session")
def corpus_dir(tmp_path_factory):
    """80 documents of 60 to 500 bytes, some of them in a folder of their own."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "inner").mkdir()
    draw = random.Random(0)
    for index in range(80):
        words = draw.choices(TEXT.split(), k=draw.randrange(16, 100))
        place = folder / "inner" if index % 4 == 0 else folder
        (place / f"{index:02}.txt").write_text(" ".join(words) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def corpus(corpus_dir):
    return load_corpus(str(corpus_dir))


@pytest.fixture(scope="session")
def tiny():
    """Settings of ``compare`` for a run of seconds."""
    return dict(TINY)


@pytest.fixture(scope="session")
def config(corpus_dir):
    """Makes the configuration of a tiny unit on the tiny corpus."""

    def make(**settings):
        return UnitConfig(**({"data": str(corpus_dir)} | TINY | settings))

    return make


@pytest.fixture(scope="session")
def untimed():
    """Strips what differs between two runs of the same numbers: clock readings and the time of writing."""

    def strip(value):
        if isinstance(value, dict):
            return {name: strip(part) for name, part in value.items() if name not in ("created", "speed")}
        if isinstance(value, list):
            return [strip(part) for part in value]
        return value

    return strip


@pytest.fixture(scope="session")
def finished(corpus_dir, tiny, tmp_path_factory):
    """A finished comparison, two encodings side by side, and its folder; not to be written to."""
    out = tmp_path_factory.mktemp("finished")  # it exists and is empty: ``resume`` simply starts
    encodings = ("learned", "sinusoidal")
    return compare(str(corpus_dir), encodings=encodings, out=out, jobs=2, resume=True, **tiny), out
