import importlib.util

import pytest

# What needs mteb is run by ../test_mteb.py.
collect_ignore = [] if importlib.util.find_spec("mteb") else ["test_tasks.py", "test_encoder.py", "test_run.py"]


@pytest.fixture(scope="session")
def limited(embedder, tmp_path_factory):
    """The embedder with the limit of its table stored, so that sentence-transformers cuts longer texts."""
    from sentence_transformers import SentenceTransformer

    folder = tmp_path_factory.mktemp("limited") / "model"
    model = SentenceTransformer(str(embedder), device="cpu")
    model.max_seq_length = 64
    model.save_pretrained(str(folder))
    return folder
