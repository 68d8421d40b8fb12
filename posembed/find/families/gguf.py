"""Names of tensors in GGUF files, and the names by which the laws know them.

Source: ``gguf-py/gguf/constants.py`` (``TENSOR_NAMES``) and ``convert_hf_to_gguf.py`` of github.com/ggml-org/llama.cpp.
The converter takes the rows before position 0 away (RoBERTa's two), so every row is a position, and
``{architecture}.context_length`` is their number.
"""

from __future__ import annotations

# Patterns of the whole name, and the name of the same tensor in a PyTorch model; the first match wins.
GGUF_NAMES = (
    (r"position_embd\.weight", "position_embeddings.weight"),
    (r"token_types\.weight", "token_type_embeddings.weight"),
    (r"(?:v|vision)\.position_embd\.weight", "vision_model.embeddings.position_embedding.weight"),
    (r"(?:v|vision)\.patch_embd\.weight", "vision_model.patch_embed.proj.weight"),
    (r"(?:v|vision)\.class_embd", "vision_model.embeddings.class_embedding"),
    (r"(?:a|audio)\.position_embd\.weight", "audio_model.embed_positions.weight"),
    (r"(?:t|text)\.position_embd\.weight", "text_model.embeddings.position_embedding.weight"),
    (r"(?:enc|encoder)\.position_embd\.weight", "encoder.embed_positions.weight"),
    (r"(?:dec|decoder)\.position_embd\.weight", "decoder.embed_positions.weight"),
    (r"(.*)attn_rel_b\.weight", r"\1relative_attention_bias.weight"),
)
GGUF_LENGTH = "context_length"
