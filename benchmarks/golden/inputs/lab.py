"""Texts, and models small enough to evaluate and calibrate in a second or two."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import torch

from benchmarks.golden.inputs.tokenizers import PIECES, WORDS, save_tokenizer

OLD = 64
SPELLED = 128  # of the model that reads pieces of words: a sentence about a pass key must fit
_SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}


def write_texts(folder: Path) -> None:
    """120 documents of made-up words, a file of words, and one text that is too short for anything."""
    draw = random.Random(0)
    weights = [1 / (5 + rank) for rank in range(len(WORDS))]  # some are far more frequent: that can be learned
    (folder / "texts").mkdir(parents=True)
    for number in range(120):
        text = " ".join(draw.choices(WORDS, weights, k=200))
        (folder / "texts" / f"{number:03}.txt").write_text(text, encoding="utf-8")
    lines = (" ".join(draw.choices(("to", "be", "or", "not", "that", "is"), k=15)) for _ in range(3000))
    (folder / "words.txt").write_text("\n".join(lines), encoding="utf-8")
    (folder / "short.txt").write_text("to be or not", encoding="utf-8")
    (folder / "empty.txt").touch()


def write_lab_models(folder: Path) -> None:
    """An embedding model, a causal and a masked language model of 64 positions whose rows are large."""
    import transformers as t

    for name, length, words, size in (("embedder", OLD, WORDS, 20), ("speller", SPELLED, PIECES, 1)):
        count = save_tokenizer(folder / name, length, words)
        torch.manual_seed(100)
        bert = t.BertModel(t.BertConfig(**_SIZES, vocab_size=count, max_position_embeddings=length))
        with torch.no_grad():
            bert.embeddings.word_embeddings.weight.mul_(20)
            bert.embeddings.position_embeddings.weight.mul_(size)
        bert.save_pretrained(folder / name)
        _make_embedder(folder / name, length)

    causal = folder / "causal"
    count = save_tokenizer(causal, OLD, WORDS)
    torch.manual_seed(101)
    gpt2 = t.GPT2LMHeadModel(
        t.GPT2Config(n_embd=32, n_layer=1, n_head=2, vocab_size=count, n_positions=OLD, bos_token_id=2, eos_token_id=3)
    )
    with torch.no_grad():
        gpt2.transformer.wpe.weight.mul_(20)
    gpt2.save_pretrained(causal)

    masked = folder / "masked"
    count = save_tokenizer(masked, OLD, WORDS)
    torch.manual_seed(102)
    roberta = t.RobertaForMaskedLM(
        t.RobertaConfig(**_SIZES, vocab_size=count, max_position_embeddings=OLD + 1, pad_token_id=0)
    )
    with torch.no_grad():
        roberta.roberta.embeddings.position_embeddings.weight.mul_(20)
    roberta.save_pretrained(masked)


def _make_embedder(folder: Path, length: int) -> None:
    """The files that make a model one of sentence-transformers, with mean pooling."""
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling").mkdir()
    for name, content in (
        ("modules.json", modules),
        ("sentence_bert_config.json", {"max_seq_length": length, "do_lower_case": False}),
        ("config_sentence_transformers.json", {"model_type": "SentenceTransformer"}),
        ("1_Pooling/config.json", pooling),
    ):
        (folder / name).write_text(json.dumps(content, indent=1), encoding="utf-8")
