"""Small random models of Transformers that are run with their positions moved, each saved and loaded once."""

import pytest

from docs.make_examples import _save_tokenizer
from posembed.checkpoint.source import open_checkpoint
from posembed.find.search import find_tables
from posembed.quality.behavior.loaded import load
from tests.fixtures.saved_models import save_model


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """Returns the folder of a model by its name in ``saved_models.MODELS``; language models get a tokenizer."""
    root, made = tmp_path_factory.mktemp("behavior"), {}

    def folder(name):
        if name not in made:
            made[name] = save_model(name, root / name)
            if name in ("bert", "gpt2"):
                _save_tokenizer(made[name], 32)
        return made[name]

    return folder


@pytest.fixture(scope="session")
def loaded(saved):
    """Returns a loaded model and the position tables of its checkpoint."""
    made = {}

    def load_it(name):
        if name not in made:
            checkpoint = open_checkpoint(saved(name))
            tables = [table for table in find_tables(checkpoint) if table.refused is None]
            made[name] = load(checkpoint), tables
        return made[name]

    return load_it


@pytest.fixture(scope="session")
def texts(tmp_path_factory):
    """A folder of a few texts in the words of the small tokenizer."""
    folder = tmp_path_factory.mktemp("texts")
    words = ["the", "cat", "sat", "on", "a", "mat", "under", "the", "house", "of", "dog", "and", "man"]
    for number in range(30):
        order = words[number % 12 :] + words[: number % 12]
        (folder / f"{number}.txt").write_text(" ".join([*order, words[number % 7]] * 3))
    return str(folder)
