import shutil

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from posembed.commands.extend import extend_checkpoint
from posembed.errors import InvalidArgumentError
from posembed.integrations.mteb.encoder import encoder


def test_it_gives_the_vectors_of_the_length_aware_model(limited, tmp_path):
    extend_checkpoint(limited, tmp_path / "aware", 256, method="linear", length_aware=True, check="off")
    short, long = "the cat sat", "the cat sat on the mat " * 20
    own = encoder(tmp_path / "aware", device="cpu").model.encode([short, long])
    plain = SentenceTransformer(str(limited), device="cpu").encode([short, long])
    assert np.array_equal(own[:1], plain[:1])
    assert not np.allclose(own[1], plain[1], atol=1e-3)  # the original cuts it
    extend_checkpoint(limited, tmp_path / "table", 256, method="linear", check="off")
    table = SentenceTransformer(str(tmp_path / "table"), device="cpu").encode([short, long])
    assert not np.allclose(own[0], table[0], atol=1e-3)
    assert np.allclose(own[1], table[1], atol=1e-5)


def test_name_and_revision(embedder, tmp_path):
    one = encoder(embedder, device="cpu").mteb_model_meta
    assert one.name == "/".join(embedder.parts[-2:])
    assert one.revision == encoder(embedder, device="cpu").mteb_model_meta.revision
    other = shutil.copytree(embedder, tmp_path / "other")
    model = SentenceTransformer(str(other), device="cpu")
    with torch.no_grad():
        next(model.parameters()).add_(1e-3)
    model.save_pretrained(str(other))
    assert encoder(other, device="cpu").mteb_model_meta.revision != one.revision


@pytest.mark.parametrize("setting", ["prompts", "max_seq_length"])
def test_settings_are_part_of_the_revision(embedder, tmp_path, setting):
    other = shutil.copytree(embedder, tmp_path / "other")
    model = SentenceTransformer(str(other), device="cpu")
    setattr(model, setting, {"query": "find ", "document": "page "} if setting == "prompts" else 17)
    model.save_pretrained(str(other))
    revisions = {encoder(each, device="cpu").mteb_model_meta.revision for each in (embedder, other)}
    assert len(revisions) == 2


def test_other_kinds_are_refused(causal, embedder, tmp_path):
    with pytest.raises(InvalidArgumentError, match="is a causal language model: mteb is run on"):
        encoder(causal)
    bare = shutil.copytree(embedder, tmp_path / "bare")
    (bare / "modules.json").unlink()
    with pytest.raises(InvalidArgumentError, match=r"modules\.json"):
        encoder(bare)
