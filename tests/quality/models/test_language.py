"""Language models as they are loaded; losses are those of Transformers."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers

from posembed.quality.models import language
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.language import LanguageModel
from posembed.quality.models.masked import MASKED
from posembed.quality.models.scorer import Scorer


@torch.no_grad()
def test_losses_are_transformers_own(example_checkpoints):
    scorer = Scorer.of(CAUSAL.load(example_checkpoints / "my-gpt2"))
    ids = np.random.default_rng(0).integers(5, 40, (2, 50))
    model = transformers.AutoModelForCausalLM.from_pretrained(example_checkpoints / "my-gpt2").eval()
    wanted = model(input_ids=torch.from_numpy(ids), labels=torch.from_numpy(ids)).loss
    found = scorer.losses(ids, np.ones(ids.shape, bool))
    assert np.nanmean(found) == pytest.approx(float(wanted), abs=1e-5)


def test_stored_half_precision_is_computed_in_float32(example_checkpoints, tmp_path):
    model = transformers.AutoModelForCausalLM.from_pretrained(example_checkpoints / "my-gpt2").to(torch.float16)
    model.save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes((example_checkpoints / "my-gpt2" / "tokenizer.json").read_bytes())
    for precision in ("fp32", "bf16"):
        loaded = CAUSAL.load(tmp_path, precision)
        assert (loaded.precision, loaded.model.dtype) == (precision, torch.float32)
        losses = Scorer.of(loaded).losses(np.full((1, 20), 7), np.ones((1, 20), bool))
        assert np.isfinite(losses[:, 1:]).all()


@pytest.mark.parametrize(("kind", "loader"), [(CAUSAL, "AutoModelForCausalLM"), (MASKED, "AutoModelForMaskedLM")])
def test_loading(kind, loader, monkeypatch, tmp_path):
    tokenizer = SimpleNamespace(token_to_id={"<mask>": 4}.get)
    monkeypatch.setattr(language, "load_files", lambda folder, name, **_: (f"{folder.name} by {name}", tokenizer))
    loaded = kind.load(str(tmp_path), "bf16")
    assert (loaded.kind, loaded.model, loaded.tokenizer) == (kind, f"{tmp_path.name} by {loader}", tokenizer)
    assert (loaded.mask_id, loaded.precision) == (4, "bf16")
    tokenizer.token_to_id = lambda _: None
    assert CAUSAL.load(tmp_path).mask_id is None


@pytest.mark.parametrize(("precision", "half"), [("bf16", True), ("fp32", False)])
def test_logits_are_computed_in_the_precision(precision, half):
    seen = []

    def model(*, input_ids):
        seen.append(torch.is_autocast_enabled("cpu"))
        return SimpleNamespace(logits=input_ids + 1)

    tokenizer = SimpleNamespace(encode=lambda text, **_: SimpleNamespace(ids=[len(text)] * 2))
    loaded = LanguageModel(CAUSAL, model, tokenizer, precision=precision)
    assert loaded.logits(torch.tensor([[1]])).tolist() == [[2]]
    assert seen == [half]
    assert loaded.encode("abc") == [3, 3]


def test_language_models_read_whole_documents(monkeypatch):
    monkeypatch.setattr(language, "load_whole_texts", lambda data: {"test": [data]})
    assert CAUSAL.read_texts("code") == MASKED.read_texts("code") == {"test": ["code"]}
