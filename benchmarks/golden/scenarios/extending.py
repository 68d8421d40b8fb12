"""``posembed extend``: plans, the bytes of everything that is written, every method and option."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.golden.execution import Call

_BERT = "embeddings.position_embeddings.weight"
_TEXT = ("bert", "roberta", "distilbert", "mpnet", "layoutlm", "gpt2", "opt", "bart", "whisper")
_STORED = ("bert-half", "gpt2-bf16", "bart-sharded", "roberta-pickled", "embedder", "causal", "masked")
_BOTH = ("clip", "siglip")
_IMAGES = ("vit", "deit", "dinov2", "beit", "vitmae", "sam")
_FILES = ("partly-trained.safetensors", "trained.safetensors", "tiled.safetensors", "sinusoid.safetensors")

_METHODS = {
    "auto": (),
    "tile": (),
    "tile-range": ("--range", "40"),
    "linear": (),
    "cubic": (),
    "grouped": (),
    "hierarchical": (),
    "hierarchical-alpha": ("--alpha", "0.3"),
    "stretch": (),
    "stretch-keep": ("--keep", "20"),
    "stretch-range": ("--keep", "8", "--range", "50"),
    "stretch-ratio": ("--ratio", "2", "--keep", "4"),
    "stretch-kernel": ("--kernel", "cubic", "--keep", "4", "--ratio", "3"),
    "mean": (),
    "mean-keep": ("--keep", "1", "--range", "40"),
    "zeros": (),
    "random": (),
    "random-seed": ("--seed", "7"),
    "repeat-last": (),
}
_GRIDS = {
    "bicubic": (),
    "bicubic-antialias": ("--antialias",),
    "bicubic-no-antialias": ("--no-antialias",),
    "bicubic-corners": ("--align-corners",),
    "bilinear": (),
    "bilinear-antialias": ("--antialias", "--no-align-corners"),
    "bilinear-corners": ("--align-corners",),
    "nearest": (),
    "tile": (),
}


def extending() -> list[Call]:
    """Dry runs and real ones."""
    made = []
    for source in _TEXT + _STORED + _BOTH + _FILES + ("led", "t5", "vit"):
        made += _all_three(source, source, "--to", "160")
    for source in _IMAGES + _BOTH + ("timm.safetensors", "timm.pth", "bert"):
        made += _all_three(f"grid-{source}", source, "--grid", "6x6")
    for source in _IMAGES + _BOTH:
        made += _all_three(f"pixels-{source}", source, "--image-size", "112")
    made += _all_three("pixels-of-two-sides", "vit", "--image-size", "96x128")
    made += _all_three("grid-of-two-sides", "dinov2", "--grid", "7x4")
    for name, options in _METHODS.items():
        method = next(m for m in ("repeat-last", name.split("-")[0]) if name.startswith(m))
        for source in ("gpt2", "roberta"):
            made.append(_write(f"method-{name}-{source}", source, "--to", "200", "--method", method, *options))
    for name, options in _GRIDS.items():
        for size in ("3x5", "6x6"):
            call = ("--grid", size, "--method", name.split("-")[0], *options)
            made.append(_write(f"grid-method-{name}-{size}", "vit", *call))
    return made + _others()


def _all_three(name: str, source: str, *options: str) -> list[Call]:
    return [
        Call(f"extend-plan-json-{name}", ("extend", source, "OUT", *options, "--dry-run", "--json")),
        Call(f"extend-plan-text-{name}", ("extend", source, "OUT", *options, "--dry-run")),
        _write(f"write-{name}", source, *options),
    ]


def _write(name: str, source: str, *options: str) -> Call:
    return Call(f"extend-{name}", ("extend", source, "OUT", *options))


def _others() -> list[Call]:
    to = ("--to", "160")
    own = ("own.safetensors", *to, "--table", "encoder.my_rows", "--reserved", "2")
    grid = ("own.safetensors", "--grid", "16x16", "--table", "pos", "--prefix", "1", "--table-grid", "14x14")
    both = ("text_model.embeddings.position_embedding.weight", "vision_model.embeddings.position_embedding.weight")
    return [
        _write("crop", "gpt2", "--to", "48", "--method", "crop"),
        _write("crop-reserved", "roberta", "--to", "32", "--method", "crop", "--json"),
        _write("json", "bert", *to, "--json"),
        _write("verify-full", "bert", *to, "--verify", "full"),
        _write("link", "embedder", *to, "--link"),
        _write("link-sharded", "bart-sharded", *to, "--link"),
        Call("extend-force", ("extend", "bert", "OUT", *to, "--force"), prepare=_with_another_model),
        Call("extend-without-force", ("extend", "bert", "OUT", *to), prepare=_with_another_model),
        Call("extend-dry-run-of-a-target", ("extend", "bert", "OUT", *to, "--dry-run"), prepare=_with_another_model),
        _write("into-a-new-folder", "bert", *to),
        _write("said-rows", *own),
        _write("said-rows-json", *own, "--json"),
        _write("said-grid", *grid),
        _write("one-of-two-tables", "clip", *to, "--table", both[0]),
        _write("both-tables-named", "bart", *to, "--table", "encoder.embed_positions.weight",
               "--table", "decoder.embed_positions.weight"),
        _write("half-of-two-tables", "bart", *to, "--table", "encoder.embed_positions.weight"),
        _write("coordinates", "layoutlm", *to, "--table", "embeddings.x_position_embeddings.weight"),
        _write("windowed", "led", "--to", "50"),
        Call("extend-a-file", ("extend", "bert/model.safetensors", "OUT.safetensors", *to)),
        *(_write(f"length-aware-{source}", source, *to, "--length-aware")
          for source in ("bert", "roberta", "gpt2", "embedder", "causal", "bart", "opt")),
        _write("length-aware-linear", "embedder", *to, "--length-aware", "--method", "linear", "--json"),
        _write("length-aware-image", "vit", "--grid", "6x6", "--length-aware"),
        Call("extend-keep-for-twice", ("extend", "embedder", "OUT", *to, "--length-aware"), keep=True),
        _write("twice", "made/extend-keep-for-twice", "--to", "320"),
    ]  # fmt: skip


def _with_another_model(out: Path) -> None:
    shutil.copytree("gpt2", out)  # of another model, so that what stays of it is seen
