"""The models of Transformers that the study trains, and the files that let a checkpoint be run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.trained_range.models.recipes import ModelRecipe

SEPARATOR, MASK, VOCABULARY = 256, 257, 258


@dataclass(frozen=True)
class Built:
    """A model, its table, and the table's first position."""

    model: Any
    table: torch.nn.Parameter
    reserved: int = 0


def build(recipe: ModelRecipe) -> Built:
    """A model with the initial weights of its library."""
    import transformers as t

    torch.manual_seed(recipe.number)
    heads = max(1, recipe.d_model // 32)
    shape: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": recipe.d_model,
        "num_hidden_layers": recipe.layers,
        "num_attention_heads": heads,
    }
    ends: dict[str, Any] = {"bos_token_id": SEPARATOR, "eos_token_id": SEPARATOR}
    if recipe.family == "gpt2":
        silent: dict[str, Any] = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
        decoder: Any = t.GPT2LMHeadModel(t.GPT2Config(**shape, n_positions=recipe.rows, **silent, **ends))
        return Built(decoder, decoder.transformer.wpe.weight)
    if recipe.family == "opt":
        sizes: dict[str, Any] = {
            "ffn_dim": 4 * recipe.d_model,
            "word_embed_proj_dim": recipe.d_model,
            "pad_token_id": SEPARATOR,
        }
        silent = {"dropout": 0.0, "attention_dropout": 0.0}
        opt: Any = t.OPTForCausalLM(
            t.OPTConfig(**shape, **sizes, max_position_embeddings=recipe.rows, **silent, **ends)
        )
        return Built(opt, opt.model.decoder.embed_positions.weight, 2)
    shape |= {
        "intermediate_size": 4 * recipe.d_model,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    if recipe.family == "roberta":
        reserved = 2
        rows = recipe.rows + reserved
        roberta: Any = t.RobertaForMaskedLM(
            t.RobertaConfig(**shape, **ends, max_position_embeddings=rows, pad_token_id=1)
        )
        return Built(roberta, roberta.roberta.embeddings.position_embeddings.weight, reserved)
    config = t.BertConfig(**shape, max_position_embeddings=recipe.rows, pad_token_id=SEPARATOR)
    if recipe.family == "embedder":
        bert: Any = t.BertModel(config)
        return Built(bert, bert.embeddings.position_embeddings.weight)
    masked: Any = t.BertForMaskedLM(config)
    return Built(masked, masked.bert.embeddings.position_embeddings.weight)


def save(built: Built, recipe: ModelRecipe, folder: Path) -> None:
    """Write a checkpoint that Transformers, or sentence-transformers, loads."""
    built.model.save_pretrained(folder)
    _byte_tokenizer().save(str(folder / "tokenizer.json"))
    if recipe.family != "embedder":
        return
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    pooling = {"word_embedding_dimension": recipe.d_model, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling), encoding="utf-8")
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")


def _byte_tokenizer() -> Any:
    """A tokenizer whose ids are the bytes of the text."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    names = {character: byte for byte, character in bytes_to_unicode().items()}  # type: ignore[no-untyped-call]
    tokenizer = Tokenizer(models.BPE(vocab=names | {"</s>": SEPARATOR, "[MASK]": MASK}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.add_special_tokens([AddedToken("</s>", special=True), AddedToken("[MASK]", special=True)])
    return tokenizer
