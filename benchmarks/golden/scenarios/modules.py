"""The modules and the models in memory: what they give, bit for bit."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.golden.digest import sha256
from benchmarks.golden.execution import MADE, Check


def modules() -> list[Check]:
    """Forward outputs and gradients, states, loaded weights, and models that grow in place."""
    made = [
        Check("modules-learned", _learned),
        Check("modules-sinusoidal", _sinusoidal),
        Check("modules-token-position", _token_position),
        Check("modules-positions", _positions),
        Check("modules-presets", _presets),
        Check("modules-loaded", _loaded),
        Check("modules-length-aware", _length_aware),
        Check("modules-optimizer", _optimizer),
    ]
    made += [Check(f"modules-errors-{n}", partial(_wrong, n)) for n in range(len(_WRONG))]
    made += [Check(f"extend-model-{name}", partial(_grown, *call)) for name, call in _GROWN.items()]
    return made


def _sum(tensor: Any) -> list[Any]:
    plain = tensor.detach().contiguous()
    import torch

    content = plain.view(torch.int16).numpy() if plain.dtype == torch.bfloat16 else plain.numpy()
    return [str(plain.dtype), list(plain.shape), sha256(content.tobytes())]


def _state(module: Any) -> dict[str, Any]:
    return {name: _sum(value) for name, value in module.state_dict().items()}


def _learned() -> Any:
    import torch

    import posembed

    pe = posembed.LearnedPositionalEmbedding(20, 8, reserved=2, padding_idx=1, init="truncated_normal", init_std=0.1)
    ids = torch.tensor([[0, 5, 19], [3, 3, 0]])
    mask = torch.tensor([[False, False, True], [False, False, False]])
    given = [pe(7), pe(5, start=3), pe(ids), pe(ids, padding_mask=mask)]
    sum(each.square().sum() for each in given).backward()
    half = posembed.LearnedPositionalEmbedding(6, 4, dtype=torch.bfloat16)
    return {
        "repr": repr(pe),
        "state": _state(pe),
        "given": [_sum(each) for each in given],
        "gradient": _sum(pe.weight.grad),
        "sizes": [pe.rows, pe.d_model, pe.usable_length, pe.max_len, repr(pe.layout)],
        "half": _sum(half(torch.tensor([1, 5]))),
    }


def _sinusoidal() -> Any:
    import torch

    import posembed

    given: dict[str, Any] = {}
    for variant in ("interleaved", "half", "fairseq"):
        for width in (8, 7):
            pe = posembed.SinusoidalPositionalEmbedding(10, width, variant=variant, base=1000.0)
            given[f"{variant} {width}"] = [_sum(pe(6)), _sum(pe(4, start=30)), _sum(pe(torch.tensor([[2, 400]])))]
    return given


def _token_position() -> Any:
    import torch

    import posembed

    embed = posembed.TokenPositionEmbedding(
        40, 16, 12, type_vocab_size=2, layer_norm_eps=1e-5, dropout=0.1, padding_idx=0, reserved=2,
        position_padding_idx=1,
    )  # fmt: skip
    ids = torch.randint(1, 40, (2, 9))
    mask = torch.ones_like(ids)
    mask[0, 5:] = 0
    packed = torch.tensor([0, 4, 9])
    trained = embed(ids, attention_mask=mask)
    trained.square().sum().backward()
    gradients = {name: _sum(value.grad) for name, value in embed.named_parameters()}
    embed.eval()
    ways: dict[str, dict[str, Any]] = {
        "plain": {},
        "start": {"start": 3},
        "mask": {"attention_mask": mask},
        "ids": {"position_ids": torch.arange(9).flip(0).expand(2, 9)},
        "segments": {"token_type_ids": torch.ones_like(ids)},
    }
    given = {name: _sum(embed(ids, **settings)) for name, settings in ways.items()}
    given["packed"] = _sum(embed(ids[:1], cu_seqlens=packed))
    given["vectors"] = _sum(embed(inputs_embeds=torch.randn(2, 5, 12)))
    for position in ("sinusoidal", "none"):
        given[position] = _sum(posembed.TokenPositionEmbedding(40, 16, 12, position=position).eval()(ids))
    return {"repr": repr(embed), "state": _state(embed), "trained": _sum(trained), "gradients": gradients} | given


def _positions() -> Any:
    import torch

    import posembed

    mask = torch.tensor([[1, 1, 0], [0, 1, 1]])
    with posembed.check_positions():
        lengths = posembed.positions_from_lengths(torch.tensor([0, 3, 3, 7]), total=7)
    return [
        posembed.positions_from_mask(mask).tolist(),
        posembed.positions_from_mask(mask, start=5).tolist(),
        lengths.tolist(),
    ]


def _presets() -> Any:
    import posembed

    small: dict[str, Any] = {"vocab_size": 50, "d_model": 8}
    return {
        name: _state(posembed.TokenPositionEmbedding.from_preset(name, **small))
        for name in ("bert-base", "roberta-base", "gpt2", "opt-125m", "distilbert-base")
    } | {"vit": _state(posembed.LearnedPositionalEmbedding.from_preset("vit-b-16", d_model=8))}


_LOADED: dict[str, dict[str, Any]] = {
    "bert": {"type_vocab_size": 2, "max_len": 64},
    "roberta": {"type_vocab_size": 2, "max_len": 64, "reserved": 2},
    "distilbert": {"max_len": 48},
    "gpt2": {"max_len": 96},
    "opt": {"max_len": 48, "reserved": 2},
}


def _loaded() -> Any:
    from safetensors.torch import load_file

    import posembed

    given: dict[str, Any] = {}
    for name, settings in _LOADED.items():
        norm = None if name in ("gpt2", "opt") else 1e-12
        module = posembed.TokenPositionEmbedding(64, d_model=16, layer_norm_eps=norm, **settings)
        report = posembed.load_transformers_state_dict(module, load_file(f"{name}/model.safetensors"))
        given[name] = [report.family, report.loaded, list(report.dropped), list(report.outside), _state(module)]
    return given


_GROWN: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bert": ("AutoModel", "bert", {"length": 100}),
    "roberta-tile": ("AutoModel", "roberta", {"length": 100, "method": "tile"}),
    "gpt2": ("AutoModelForCausalLM", "gpt2", {"length": 120, "method": "stretch", "keep": 4}),
    "bart": ("AutoModel", "bart", {"length": 80, "method": "cubic"}),
    "opt": ("AutoModelForCausalLM", "opt", {"length": 80}),
    "clip": ("AutoModel", "clip", {"image_size": 96}),
    "vit": ("AutoModelForImageClassification", "vit", {"grid": (6, 6), "method": "auto"}),
    "dinov2": ("AutoModel", "dinov2", {"image_size": 98}),
    "crop": ("AutoModel", "bert", {"length": 20, "method": "crop"}),
    "refused": ("AutoModel", "bert", {"length": 100, "method": "nothing"}),
}


def _grown(auto: str, source: str, settings: dict[str, Any]) -> Any:
    import transformers

    import posembed

    model = getattr(transformers, auto).from_pretrained(source)
    changes = posembed.extend_model(model, **settings)
    described = [[c.table.key, repr(c.layout), c.method, c.options, c.usable_length] for c in changes]
    config = {name: value for name, value in model.config.to_dict().items() if "version" not in name}
    return {"changes": described, "state": _state(model), "config": config}


def _length_aware() -> Any:
    import torch
    import transformers

    import posembed

    model = transformers.AutoModel.from_pretrained("bert").eval()
    posembed.extend_model(model, 100, method="linear", length_aware=True)
    ids = torch.randint(5, 64, (2, 80))
    mask = torch.ones_like(ids)
    mask[0, 30:] = 0
    out = MADE / "modules-length-aware"
    transformers.AutoModel.from_pretrained("bert").save_pretrained(out)
    posembed.save_length_aware(model, out)
    with torch.no_grad():
        one = model(input_ids=ids, attention_mask=mask).last_hidden_state
        again = posembed.load_length_aware(transformers.AutoModel.from_pretrained(out).eval(), out)
        other = again(input_ids=ids, attention_mask=mask).last_hidden_state
    return [_state(model), _sum(one), _sum(other)]


def _optimizer() -> Any:
    import torch
    import transformers

    import posembed

    model = transformers.AutoModel.from_pretrained("bert").eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    model(input_ids=torch.arange(5, 25)[None]).last_hidden_state.square().sum().backward()
    optimizer.step()
    posembed.extend_model(model, 100, method="tile", optimizer=optimizer)
    states = [{name: _sum(value) for name, value in each.items()} for each in optimizer.state.values()]
    return [_state(model), states]


_WRONG: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
    ("LearnedPositionalEmbedding", (0, 8), {}),
    ("LearnedPositionalEmbedding", (8, 8), {"init": "uniform"}),
    ("SinusoidalPositionalEmbedding", (8, 8), {"variant": "other"}),
    ("TokenPositionEmbedding", (8, 8, 8), {"position": "other"}),
    ("TokenPositionEmbedding", (8, 8, 8), {"dropout": 2.0}),
    ("preset", ("bert-huge",), {}),
    ("TableLayout", (), {}),
    ("extend_table", ([[1.0]], 4), {}),
    ("analyze_table", ([[1.0]],), {}),
    ("find_tables", ("nowhere",), {}),
    ("positions_from_mask", ([1, 1],), {}),
    ("compare", ("words.txt",), {"encodings": ["fixed"]}),
    ("compare", ("words.txt",), {"colour": "red"}),
    ("evaluate", ("vit",), {}),
    ("calibrate", ("causal", "made/x"), {"data": "texts", "length": 10}),
)


def _wrong(number: int) -> Any:
    import posembed

    name, arguments, settings = _WRONG[number]
    return repr(getattr(posembed, name)(*arguments, **settings))
