"""Writes the small models that the documentation's examples read: ``python docs/make_examples.py FOLDER``.

Real architectures of Transformers whose position tables have the published number of rows. Everything else is tiny, and
all weights are random: they show shapes, limits and errors, and know no language. Needs ``pip install ".[models]"``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

WORDS = (
    *("the", "a", "cat", "dog", "man", "sat", "ran", "bit", "on", "under", "mat", "house", "of", "and", "number"),
    *("positions", "tell", "which", "word", "comes", "first", "."),
)


def write_examples(folder: Path) -> None:
    """Write every example into ``folder``: models, an embedder of sentence-transformers, and three texts."""
    import transformers as t

    torch.manual_seed(0)
    small: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    bert = {**small, "intermediate_size": 64, "vocab_size": 64}
    roberta = {**bert, "max_position_embeddings": 514, "pad_token_id": 1}
    gpt2 = {"n_embd": 32, "n_layer": 2, "n_head": 2, "vocab_size": 64, "bos_token_id": 2, "eos_token_id": 3}
    sides = {f"{side}_{what}": size for side in ("encoder", "decoder") for what, size in _SIDE.items()}
    bart = {**sides, "d_model": 32, "vocab_size": 64, "max_position_embeddings": 1024}
    text = {**bert, "max_position_embeddings": 77, "eos_token_id": 3, "bos_token_id": 2, "pad_token_id": 0}
    vision = {**small, "intermediate_size": 64, "image_size": 224, "patch_size": 32}
    models = {
        "my-bert": t.BertModel(t.BertConfig(**bert)),
        "my-roberta": t.RobertaModel(t.RobertaConfig(**roberta)),
        "my-gpt2": t.GPT2LMHeadModel(t.GPT2Config(**gpt2)),
        "my-bart": t.BartModel(t.BartConfig(**bart)),
        "my-clip": t.CLIPModel(t.CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)),
        "my-vit": t.ViTForImageClassification(t.ViTConfig(**{**vision, "patch_size": 16})),
    }
    for name, model in models.items():
        model.eval().save_pretrained(folder / name)
    for name, limit in (("my-bert", 512), ("my-roberta", 512), ("my-gpt2", 1024)):
        _save_tokenizer(folder / name, limit)
    _make_embedder(folder / "my-embedder", models["my-bert"])
    _write_texts(folder / "texts")


_SIDE = {"layers": 2, "attention_heads": 2, "ffn_dim": 64}


def _save_tokenizer(folder: Path, limit: int) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    vocab = {name: number for number, name in enumerate(names)}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=special)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=limit,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    ).save_pretrained(folder)


def _make_embedder(folder: Path, model: Any) -> None:
    """The files of a sentence-transformers model with mean pooling."""
    model.save_pretrained(folder)
    _save_tokenizer(folder, 512)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling").mkdir()
    for name, content in (
        ("modules.json", modules),
        ("sentence_bert_config.json", {"max_seq_length": 512, "do_lower_case": False}),
        ("config_sentence_transformers.json", {"model_type": "SentenceTransformer"}),
        ("1_Pooling/config.json", pooling),
    ):
        (folder / name).write_text(json.dumps(content, indent=1), encoding="utf-8")


def _write_texts(folder: Path) -> None:
    folder.mkdir()
    for number in range(3):
        sentence = f"The cat number {number} sat on the mat, and the dog ran under the house. "
        (folder / f"text{number}.txt").write_text(sentence * 400, encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write the small models that the documentation's examples read.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="made if it is missing; must be empty")
    folder: Path = parser.parse_args().folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        parser.error(f"{folder} is there and is no empty folder: choose another name")
    try:
        from transformers.utils.logging import disable_progress_bar
    except ModuleNotFoundError as error:
        parser.error(f'{error}: run  pip install ".[models]"')
    disable_progress_bar()
    write_examples(folder)
    print(f"wrote {folder}:", *sorted(path.name for path in folder.iterdir()))


if __name__ == "__main__":
    main()
