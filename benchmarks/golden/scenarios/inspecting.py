"""``posembed inspect``: what is found in checkpoints of many kinds, and how it is printed."""

from __future__ import annotations

from benchmarks.golden.execution import Call

MODELS = (
    *("bert", "roberta", "distilbert", "mpnet", "layoutlm", "gpt2", "opt", "bart", "led", "whisper", "t5", "llama"),
    *("clip", "siglip", "vit", "deit", "dinov2", "beit", "vitmae", "sam"),
    *("bert-half", "gpt2-bf16", "bart-sharded", "roberta-pickled", "embedder", "causal", "masked"),
)
FILES = (
    *("timm.safetensors", "timm.pth", "open-clip.safetensors", "own.safetensors", "no-table.safetensors"),
    *("sinusoid.safetensors", "partly-trained.safetensors", "trained.safetensors", "tiled.safetensors"),
)
_BERT = "embeddings.position_embeddings.weight"
_SAID = {
    "reserved": ("bert", "--table", _BERT, "--reserved", "2"),
    "prefix": ("bert", "--table", _BERT, "--prefix", "1"),
    "reserved-and-prefix": ("roberta", "--table", _BERT, "--reserved", "1", "--prefix", "2"),
    "grid": ("bert", "--table", _BERT, "--grid", "8x8"),
    "table-grid": ("own.safetensors", "--table", "pos", "--prefix", "1", "--table-grid", "14x14"),
    "unknown-rows": ("own.safetensors", "--table", "encoder.my_rows", "--reserved", "2"),
    "one-table": ("bart", "--table", "decoder.embed_positions.weight"),
    "two-tables": ("clip", "--table", "text_model.embeddings.position_embedding.weight", "--table",
                   "vision_model.embeddings.position_embedding.weight"),
}  # fmt: skip
_PAIRS = (
    ("bert", "bert-half"),
    ("bert", "roberta"),
    ("bart", "bart-sharded"),
    ("clip", "siglip"),
    ("vit", "deit"),
    ("gpt2", "gpt2-bf16"),
    ("trained.safetensors", "partly-trained.safetensors"),
    ("no-table.safetensors", "bert"),
)


def inspecting() -> list[Call]:
    """Every model and file as JSON and as text, what the user says of a table, pairs, and reports."""
    made = []
    for source in MODELS + FILES:
        made.append(Call(f"inspect-json-{source}", ("inspect", source, "--json")))
        made.append(Call(f"inspect-text-{source}", ("inspect", source)))
        made.append(Call(f"inspect-no-values-json-{source}", ("inspect", source, "--no-values", "--json")))
    made.append(Call("inspect-no-values-text-bert", ("inspect", "bert", "--no-values")))
    made.append(Call("inspect-a-file-in-a-folder", ("inspect", "bert/model.safetensors", "--json")))
    for name, arguments in _SAID.items():
        made.append(Call(f"inspect-said-{name}-json", ("inspect", *arguments, "--json")))
        made.append(Call(f"inspect-said-{name}-text", ("inspect", *arguments)))
    for one, other in _PAIRS:
        made.append(Call(f"inspect-pair-json-{one}-{other}", ("inspect", one, other, "--json")))
        made.append(Call(f"inspect-pair-text-{one}-{other}", ("inspect", one, other)))
    made.append(Call("inspect-pair-one-table", ("inspect", "bert", "roberta", "--table", _BERT, "--json")))
    made += [
        Call(f"inspect-report-{source}", ("inspect", source, "--html", "OUT.html"))
        for source in ("gpt2", "vit", "roberta", "partly-trained.safetensors")
    ]
    made.append(Call("inspect-report-pair", ("inspect", "bert", "roberta", "--html", "OUT.html", "--json")))
    return made
