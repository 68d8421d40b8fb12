"""Sound files of every format, which are then broken: small models as the libraries save them."""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path

CONFIGS: dict[str, dict[str, object]] = {
    "bert": {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "max_position_embeddings": 64,
        "hidden_size": 8,
        "vocab_size": 30,
        "pad_token_id": 0,
        "layer_norm_eps": 1e-12,
        "id2label": {"0": "A", "1": "B"},
    },
    "roberta": {"model_type": "roberta", "max_position_embeddings": 66, "hidden_size": 8, "pad_token_id": 1},
    "vit": {"model_type": "vit", "image_size": 64, "patch_size": 16, "hidden_size": 8, "num_channels": 3},
    "clip": {
        "model_type": "clip",
        "text_config": {"model_type": "clip_text_model", "max_position_embeddings": 32, "hidden_size": 8},
        "vision_config": {"model_type": "clip_vision_model", "image_size": [64, 64], "patch_size": 16},
    },
    "whisper": {"model_type": "whisper", "max_source_positions": 24, "max_target_positions": 32, "d_model": 8},
    "timm": {
        "architecture": "vit_tiny",
        "model_args": {"img_size": [64, 64]},
        "pretrained_cfg": {"input_size": [3, 64, 64]},
    },
}
TENSORS: dict[str, dict[str, tuple[int, ...]]] = {
    "bert": {
        "embeddings.position_embeddings.weight": (64, 8),
        "embeddings.position_ids": (1, 64),
        "embeddings.word_embeddings.weight": (30, 8),
        "embeddings.token_type_embeddings.weight": (2, 8),
    },
    "roberta": {"roberta.embeddings.position_embeddings.weight": (66, 8)},
    "vit": {"vit.embeddings.position_embeddings": (1, 17, 8), "vit.embeddings.cls_token": (1, 1, 8)},
    "clip": {
        "text_model.embeddings.position_embedding.weight": (32, 8),
        "vision_model.embeddings.position_embedding.weight": (17, 8),
    },
    "whisper": {
        "model.decoder.embed_positions.weight": (32, 8),
        "model.encoder.embed_positions.weight": (24, 8),
    },
    "timm": {"pos_embed": (1, 17, 8), "cls_token": (1, 1, 8), "patch_embed.proj.weight": (8, 3, 16, 16)},
}
BESIDE: dict[str, object] = {
    "tokenizer_config.json": {"model_max_length": 64, "tokenizer_class": "BertTokenizer"},
    "tokenizer.json": {
        "version": "1.0",
        "truncation": {"max_length": 64, "strategy": "LongestFirst"},
        "padding": {"strategy": {"Fixed": 64}},
        "model": {"type": "WordPiece", "vocab": {"a": 0, "b": 1}},
    },
    "preprocessor_config.json": {"size": {"height": 64, "width": 64}, "crop_size": 64, "image_mean": [0.5, 0.5, 0.5]},
    "generation_config.json": {"max_length": 64},
    "sentence_bert_config.json": {"max_seq_length": 64},
    "modules.json": [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ],
    "adapter_config.json": {"base_model_name_or_path": "org/base", "peft_type": "LORA"},
}


def write_seeds(folder: Path) -> None:
    """Write the sound files; needs torch, which the commands under test do without."""
    import torch
    from safetensors.torch import save, save_file

    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    weights = {
        name: {
            key: torch.arange(64)[None] if key.endswith("_ids") else torch.randn(shape) for key, shape in each.items()
        }
        for name, each in TENSORS.items()
    }
    for name, tensors in weights.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text(json.dumps(CONFIGS[name], indent=2))
        save_file(tensors, folder / name / "model.safetensors", metadata={"format": "pt"})
        (folder / f"{name}.safetensors").write_bytes(save(tensors))
    table = torch.nn.Parameter(torch.randn(64, 8))
    optimizer = torch.optim.Adam([table])
    table.grad = torch.ones(64, 8)
    optimizer.step()
    args = argparse.Namespace(img_size=64, max_len=64, sizes=[1, (2, 3)])
    contents = {
        "nanogpt": {"model": {"transformer.wpe.weight": table}, "model_args": {"block_size": 64}, "iter_num": 3}
        | {"optimizer": optimizer.state_dict(), "best_val_loss": torch.tensor(1.5)},
        "timm_ema": {"state_dict": weights["timm"], "state_dict_ema": dict(weights["timm"]), "args": args},
        "bert_bin": weights["bert"],
        "special": {"wpe.weight": torch.randn(64, 8).t().contiguous().t(), "s": torch.eye(3).to_sparse()}
        | {"n": torch._neg_view(torch.ones(2)), "m": torch.empty(3, 4, device="meta"), "h": torch.ones(2).bfloat16()},
    }
    for name, content in contents.items():
        torch.save(content, folder / f"{name}.pt")
        torch.save(content, folder / f"{name}.old.pt", _use_new_zipfile_serialization=False)
    torch.save(torch.nn.ModuleDict({"wpe": torch.nn.Embedding(64, 8)}), folder / "module.pt")
    torch.jit.save(torch.jit.script(_Compiled()), folder / "compiled.pt")


def _compiled() -> type:
    import torch

    class Compiled(torch.nn.Module):
        """A model as OpenAI's CLIP is published: compiled, with its code."""

        def __init__(self) -> None:
            super().__init__()
            self.positional_embedding = torch.nn.Parameter(torch.randn(64, 8))
            self.proj = torch.nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """Add positions."""
            return x + self.positional_embedding

    return Compiled


def _Compiled() -> object:  # noqa: N802 - stands for the class, which needs torch
    return _compiled()()
