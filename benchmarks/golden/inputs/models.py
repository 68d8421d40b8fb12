"""Tiny checkpoints of many architectures, made by Transformers itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.golden.inputs.tokenizers import save_tokenizer

SMALL: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
_SIDES: dict[str, Any] = {
    f"{side}_{what}": size
    for side in ("encoder", "decoder")
    for what, size in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 16))
}
_SPECIAL = {"eos_token_id": 3, "bos_token_id": 2, "pad_token_id": 0}
_IMAGE = {**SMALL, "image_size": 64, "patch_size": 16}


def _factories() -> dict[str, Callable[[], Any]]:
    import transformers as t

    text = {**SMALL, "vocab_size": 64, "max_position_embeddings": 40, **_SPECIAL}
    bert = {**SMALL, "vocab_size": 64}
    return {
        "bert": lambda: t.BertModel(t.BertConfig(**bert, max_position_embeddings=64)),
        "roberta": lambda: t.RobertaModel(t.RobertaConfig(**bert, max_position_embeddings=66, pad_token_id=1)),
        "distilbert": lambda: t.DistilBertModel(
            t.DistilBertConfig(dim=16, n_layers=1, n_heads=2, hidden_dim=16, vocab_size=64, max_position_embeddings=48)
        ),
        "mpnet": lambda: t.MPNetModel(t.MPNetConfig(**bert, max_position_embeddings=50)),
        "layoutlm": lambda: t.LayoutLMModel(
            t.LayoutLMConfig(**bert, max_position_embeddings=48, max_2d_position_embeddings=40)
        ),
        "gpt2": lambda: t.GPT2LMHeadModel(
            t.GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=64, n_positions=96, bos_token_id=2, eos_token_id=3)
        ),
        "opt": lambda: t.OPTForCausalLM(
            t.OPTConfig(
                hidden_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                ffn_dim=16,
                vocab_size=64,
                word_embed_proj_dim=16,
                max_position_embeddings=48,
            )
        ),
        "bart": lambda: t.BartModel(t.BartConfig(**_SIDES, d_model=16, vocab_size=64, max_position_embeddings=48)),
        "led": lambda: t.LEDModel(
            t.LEDConfig(
                **_SIDES,
                d_model=16,
                vocab_size=64,
                max_encoder_position_embeddings=64,
                max_decoder_position_embeddings=32,
                attention_window=[16],
            )
        ),
        "whisper": lambda: t.WhisperModel(
            t.WhisperConfig(
                **_SIDES,
                d_model=16,
                vocab_size=64,
                max_source_positions=40,
                max_target_positions=32,
                num_mel_bins=8,
                pad_token_id=0,
                bos_token_id=2,
                eos_token_id=3,
                decoder_start_token_id=2,
            )
        ),
        "t5": lambda: t.T5EncoderModel(
            t.T5Config(d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, vocab_size=64)
        ),
        "llama": lambda: t.LlamaModel(t.LlamaConfig(**bert)),
        "clip": lambda: t.CLIPModel(t.CLIPConfig(text_config=text, vision_config=_IMAGE, projection_dim=8)),
        "siglip": lambda: t.SiglipModel(t.SiglipConfig(text_config=text, vision_config=_IMAGE)),
        "vit": lambda: t.ViTForImageClassification(t.ViTConfig(**_IMAGE)),
        "deit": lambda: t.DeiTModel(t.DeiTConfig(**_IMAGE)),
        "dinov2": lambda: t.Dinov2Model(t.Dinov2Config(**{**_IMAGE, "image_size": 70, "patch_size": 14})),
        "beit": lambda: t.BeitModel(t.BeitConfig(**_IMAGE, use_relative_position_bias=True, vocab_size=64)),
        "vitmae": lambda: t.ViTMAEModel(
            t.ViTMAEConfig(
                **_IMAGE,
                decoder_hidden_size=16,
                decoder_num_attention_heads=2,
                decoder_num_hidden_layers=1,
                decoder_intermediate_size=16,
            )
        ),
        "sam": lambda: t.SamVisionModel(
            t.SamVisionConfig(
                hidden_size=16,
                output_channels=8,
                num_hidden_layers=1,
                num_attention_heads=2,
                image_size=64,
                patch_size=16,
                mlp_dim=16,
                window_size=2,
                global_attn_indexes=[0],
            )
        ),
    }


TOKENIZERS = {"bert": 64, "roberta": 64, "gpt2": 96, "distilbert": 48}


def write_models(folder: Path) -> None:
    """Write a checkpoint of each architecture, and a few of them in other forms of storage."""
    import transformers

    quiet: Any = transformers.utils.logging
    quiet.disable_progress_bar()
    quiet.set_verbosity_error()
    made = {}
    for number, (name, factory) in enumerate(_factories().items()):
        torch.manual_seed(number)
        made[name] = factory().eval()
        made[name].save_pretrained(folder / name)
        if name in TOKENIZERS:
            save_tokenizer(folder / name, TOKENIZERS[name])
    made["bert"].half().save_pretrained(folder / "bert-half")
    made["gpt2"].bfloat16().save_pretrained(folder / "gpt2-bf16")
    made["bart"].save_pretrained(folder / "bart-sharded", max_shard_size="8KB")
    assert (folder / "bart-sharded" / "model.safetensors.index.json").is_file()
    pickled = folder / "roberta-pickled"
    pickled.mkdir()
    (pickled / "config.json").write_bytes((folder / "roberta" / "config.json").read_bytes())
    torch.save(made["roberta"].state_dict(), pickled / "pytorch_model.bin")
    _with_processor(folder)


def _with_processor(folder: Path) -> None:
    """Give the image models the file that repeats their size."""
    for name in ("vit", "clip"):
        size = {"height": 64, "width": 64} if name == "vit" else {"shortest_edge": 64}
        content = {"do_resize": True, "size": size, "crop_size": {"height": 64, "width": 64}}
        (folder / name / "preprocessor_config.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
