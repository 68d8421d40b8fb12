"""Tiny real models of `transformers`, saved and loaded again, each beside a module with its weights."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from posembed.models.load import load_transformers_state_dict
from posembed.nn import TokenPositionEmbedding

VOCAB, USABLE, WIDTH = 40, 16, 12


@dataclass
class Family:
    """A model class, and where its embeddings are."""

    preset: str
    model_class: str
    config: dict[str, Any]
    inner: str  # the model without its head
    block: str  # the first block after the embeddings, under `inner`
    embeddings: str | None  # the module of the whole sum, under `inner`, if there is one
    names: dict[str, str]  # our parameter -> theirs, under `inner`
    reserved: int = 0
    pad_token: int | None = None
    length_name: str = "max_position_embeddings"
    rows_in_config: int = USABLE


_SIZES = {"vocab_size": VOCAB, "bos_token_id": 2, "eos_token_id": 3}
_BERT_SIZES = {
    "hidden_size": WIDTH,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "type_vocab_size": 3,
}
_BERT_NAMES = {
    "token.weight": "embeddings.word_embeddings.weight",
    "position.weight": "embeddings.position_embeddings.weight",
    "segment.weight": "embeddings.token_type_embeddings.weight",
    "norm.weight": "embeddings.LayerNorm.weight",
    "norm.bias": "embeddings.LayerNorm.bias",
}
FAMILIES = {
    "bert": Family(
        "bert-base", "BertForMaskedLM", _BERT_SIZES, "bert", "encoder.layer.0", "embeddings", _BERT_NAMES, pad_token=0
    ),
    "roberta": Family(
        "roberta-base", "RobertaForMaskedLM", _BERT_SIZES | {"pad_token_id": 1, "layer_norm_eps": 1e-5}, "roberta",
        "encoder.layer.0", "embeddings", _BERT_NAMES, reserved=2, pad_token=1, rows_in_config=USABLE + 2,
    ),
    "distilbert": Family(
        "distilbert-base", "DistilBertForMaskedLM", {"dim": WIDTH, "n_layers": 1, "n_heads": 2, "hidden_dim": 16},
        "distilbert", "transformer.layer.0", "embeddings",
        {ours: theirs for ours, theirs in _BERT_NAMES.items() if ours != "segment.weight"}, pad_token=0,
    ),
    "gpt2": Family(
        "gpt2", "GPT2LMHeadModel", {"n_embd": WIDTH, "n_layer": 1, "n_head": 2}, "transformer", "h.0", None,
        {"token.weight": "wte.weight", "position.weight": "wpe.weight"}, length_name="n_positions",
    ),
    "opt": Family(
        "opt-125m", "OPTForCausalLM",
        {"hidden_size": WIDTH, "word_embed_proj_dim": WIDTH, "num_hidden_layers": 1, "num_attention_heads": 2,
         "ffn_dim": 16}, "model.decoder", "layers.0", None,
        {"token.weight": "embed_tokens.weight", "position.weight": "embed_positions.weight"}, reserved=2, pad_token=1,
    ),
}  # fmt: skip


@dataclass
class Pair:
    """A real model, and a module with the same weights."""

    name: str
    family: Family
    model: nn.Module
    embed: TokenPositionEmbedding
    parameters: list[tuple[str, Tensor, Tensor]] = field(default_factory=list)  # our name, ours, theirs

    def __post_init__(self) -> None:
        self.inner = self.model.get_submodule(self.family.inner)
        for ours, theirs in self.family.names.items():
            self.parameters.append((ours, self.embed.get_parameter(ours), self.inner.get_parameter(theirs)))

    def tokens(self, mask: Tensor) -> Tensor:
        """Random tokens, the pad token where there is padding and nowhere else."""
        ids = torch.randint(4, VOCAB, mask.shape)
        return ids if self.family.pad_token is None else ids.masked_fill(mask == 0, self.family.pad_token)

    def hidden(self, ids: Tensor, **options: Any) -> tuple[Tensor, Any]:
        """What really enters the first block, and the cache."""
        seen: list[Tensor] = []

        def keep(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            seen.append(args[0] if args else kwargs["hidden_states"])

        hook = self.inner.get_submodule(self.family.block).register_forward_pre_hook(keep, with_kwargs=True)
        try:
            output = self.inner(input_ids=ids, **options)
        finally:
            hook.remove()
        return seen[0], output.get("past_key_values")

    def at(self, ids: Tensor, positions: Tensor, **options: Any) -> Tensor:
        """The real model's embeddings at explicit 0-based positions."""
        offset = self.family.reserved if self.name == "roberta" else 0  # OPT adds its own
        return self.hidden(ids, position_ids=(positions + offset).expand(ids.shape), **options)[0]


@pytest.fixture(scope="session")
def make_pair(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Pair]:
    """Build the real model with random weights (padding rows too), save it, load it, and copy its embeddings."""
    transformers = importlib.import_module("transformers")

    def make(name: str, old_buffer: torch.dtype | None = None) -> Pair:
        family = FAMILIES[name]
        torch.manual_seed(7)
        model_class = getattr(transformers, family.model_class)
        pad = {} if family.pad_token is None else {"pad_token_id": family.pad_token}
        config = model_class.config_class(
            **(_SIZES | pad | family.config | {family.length_name: family.rows_in_config})
        )
        model = model_class(config)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_()
        folder = tmp_path_factory.mktemp(name)
        model.save_pretrained(folder)
        model = model_class.from_pretrained(folder, dtype=torch.float32).eval()
        segments = {"type_vocab_size": 3} if "segment.weight" in family.names else {}
        embed = TokenPositionEmbedding.from_preset(
            family.preset, vocab_size=VOCAB, max_len=USABLE, d_model=WIDTH, dropout=0.0, **segments
        ).eval()
        state_dict = dict(model.state_dict())
        buffers = []
        if old_buffer is not None and family.embeddings:
            buffers = [f"{family.inner}.embeddings.position_ids"]
            state_dict[buffers[0]] = torch.arange(embed.position.rows)[None].to(old_buffer)
        report = load_transformers_state_dict(embed, state_dict)
        assert report.family == name
        assert report.loaded == {ours: f"{family.inner}.{theirs}" for ours, theirs in family.names.items()}
        assert list(report.dropped) == buffers
        assert {*report.loaded.values(), *report.dropped, *report.outside} == set(state_dict)
        return Pair(name, family, model, embed)

    return make


@pytest.fixture(scope="session", params=FAMILIES)
def pair(request: pytest.FixtureRequest, make_pair: Callable[..., Pair]) -> Pair:
    """Each family in turn."""
    return make_pair(request.param)


@pytest.fixture(scope="session")
def pairs(make_pair: Callable[..., Pair]) -> dict[str, Pair]:
    """All families by name."""
    return {name: make_pair(name) for name in FAMILIES}
