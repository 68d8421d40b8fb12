"""Every method by length: language models that are trained here, and a real embedding model. Writes KEPT.

    python -m benchmarks.method_study --language bytes               (about 40 minutes on 2 cores)
    python -m benchmarks.method_study --language words               (about 25 minutes on 2 cores)
    python -m benchmarks.method_study --language large               (about 40 minutes on 2 cores)
    python -m benchmarks.method_study --optimum words                (about 4 minutes on 2 cores, after the words)
    python -m benchmarks.method_study --optimum large --kind masked  (about 20 minutes on 1 core, after the large)
    python -m benchmarks.method_study --embedding all-MiniLM-L6-v2   (about 35 minutes on 2 cores)
    python -m benchmarks.method_study --tables                       (prints the page's tables from KEPT)

Trained models are kept in --out and not trained again.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from benchmarks.method_study import embedding, language
from benchmarks.method_study.models import KINDS, SETTINGS, trained
from benchmarks.method_study.tables import KEPT, print_tables
from benchmarks.pages import keep, load
from posembed.hardware import environment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", choices=list(SETTINGS))
    parser.add_argument(
        "--kind",
        choices=list(KINDS),
        help="of the language models: for --language both if left out, for --optimum causal",
    )
    parser.add_argument("--optimum", choices=list(SETTINGS))
    parser.add_argument("--embedding", metavar="CHECKPOINT")
    parser.add_argument("--tables", action="store_true")
    parser.add_argument("--steps", type=int, default=1500, help="of the language models")
    parser.add_argument("--out", type=Path, default=Path("runs/method-study"))
    parser.add_argument("--part", choices=list(KINDS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part is not None:
        torch.set_num_threads(1)
        setting = SETTINGS[given.language]
        corpus = setting.corpus(given.out)
        for data, length in (*((data, setting.short) for data in setting.data), ("packed", setting.long)):
            trained(setting, given.part, data, length, given.steps, corpus, given.out)
        return
    if not (given.language or given.optimum or given.embedding or given.tables):
        parser.error("one of --language, --optimum, --embedding and --tables")
    found: dict[str, Any] = {}
    here = {"environment": environment("cpu")}
    if given.language:
        setting = SETTINGS[given.language]
        corpus = setting.corpus(given.out)  # makes the tokenizer, which both parts read
        command = [sys.executable, "-m", "benchmarks.method_study", "--language", setting.name]
        command += ["--steps", str(given.steps), "--out", str(given.out)]
        kinds = list(KINDS) if given.kind is None else [given.kind]
        parts = [subprocess.Popen([*command, "--part", kind]) for kind in kinds]
        if any(part.wait() for part in parts):
            sys.exit("a model could not be trained")
        studied = [
            language.study(setting, kind, data, given.steps, corpus, given.out) | here
            for kind in kinds
            for data in setting.data
        ]
        name = f"language_{setting.name}"
        others = [part for part in load(KEPT).get(name, []) if part["kind"] not in kinds]
        found[name] = sorted(others + studied, key=lambda part: list(KINDS).index(part["kind"]))
    if given.optimum:
        setting, kind = SETTINGS[given.optimum], given.kind or "causal"
        name = f"optimum_{setting.name}" + ("" if kind == "causal" else f"_{kind}")
        corpus = setting.corpus(given.out)
        found[name] = language.optimum(setting, kind, given.steps, corpus, given.out) | here
    if given.embedding:
        found["embedding"] = embedding.study(given.embedding) | here
    if not given.tables:
        keep(KEPT, found)
    print_tables(load(KEPT))


if __name__ == "__main__":
    main()
