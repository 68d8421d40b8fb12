"""An embedding model's table calibrated by posembed, judged on documents that calibrating never saw; and its memory.

    hf download sentence-transformers/all-MiniLM-L6-v2 --local-dir all-MiniLM-L6-v2
    python -m benchmarks.calibration all-MiniLM-L6-v2     (about 35 minutes on 2 idle cores; writes KEPT)
    python -m benchmarks.calibration --memory             (about 15 minutes; writes KEPT's memory part)
    python -m benchmarks.calibration --tables             (prints the page's tables from KEPT)

The first command does what `posembed calibrate CHECKPOINT … --to 4096 --range 128 --data stdlib --length-aware` and
`posembed evaluate … --original CHECKPOINT` do, with the tables by length and without them. The range is
given: inputs of up to 128 tokens are to stay as they are.
"""

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import other_passkeys
from benchmarks.pages import accuracy_rows, interval, print_table
from posembed import calibrate, evaluate, extend_checkpoint
from posembed.checkpoint.leftovers import TABLES_BY_LENGTH
from posembed.errors import WorkFailedError
from posembed.files import write_whole
from posembed.lab.hardware import peak_memory_bytes

KEPT = Path(__file__).parents[1] / "docs" / "measured" / "calibration.json"
LENGTH, RANGE = 4096, 128
TABLES = ("needle", "paragraph")
PASSKEY, OTHERS = (128, 256, 512, 1024, 2048, 4096), (512, 1024, 2048)
DOCUMENTS = 400  # of passkeys: four pools, so every filler of the test set


def tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def report(message: dict[str, Any]) -> None:
    if message["step"] % 25 == 0:
        tell(f"step {message['step']} of {message['steps']}, loss {message['loss']:.3f}")


def measure(checkpoint: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "calibrated"
        settings = {"length": LENGTH, "range": RANGE, "length_aware": True}
        record = calibrate(checkpoint, out, data="stdlib", **settings, tell=tell, report=report)
        return {"record": record | {"checkpoint": Path(checkpoint).name}} | judge(checkpoint, out)


def judge(checkpoint: str, out: Path) -> dict[str, Any]:
    """What is asked of the calibrated checkpoint, with its tables by length and, ``plain``, without them."""
    asked = {"original": checkpoint, "tell": tell}
    passkeys = {"tasks": ["passkey"], "lengths": PASSKEY, "documents": DOCUMENTS}
    with tempfile.TemporaryDirectory() as folder:
        plain = shutil.copytree(out, Path(folder) / "plain", ignore=shutil.ignore_patterns(TABLES_BY_LENGTH))
        found: dict[str, Any] = {
            "passkey": evaluate(out, **asked, **passkeys),
            "plain": evaluate(plain, **asked, **passkeys),
            "others": evaluate(out, **asked, tasks=TABLES, lengths=OTHERS),
        }
        for each in found.values():
            each |= {"checkpoint": "the calibrated copy", "original": Path(checkpoint).name}
        repeated = Path(folder) / "repeated"
        extend_checkpoint(checkpoint, repeated, LENGTH, method="tile", range=RANGE)
        return found | {"other_passkeys": other_passkeys.measure(checkpoint, repeated, out, tell)}


def measure_memory() -> list[dict[str, Any]]:
    """Peak memory and seconds a step of models with random weights, each in a process of its own."""
    found = []
    for kind in ("embedding", "causal"):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "benchmarks.calibration", "--one", kind, folder]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        tell(done.stdout.splitlines()[-1])
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return found


def one(kind: str, folder: str) -> dict[str, Any]:
    """A few steps of a base-size model at 4,096 tokens."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    size = {"embedding": 30002, "causal": 50257}[kind]
    words = ["".join(chr(97 + number // 26**k % 26) for k in range(4)) for number in range(size - 2)]
    tokenizer = Tokenizer(
        models.WordLevel({"[UNK]": 0, "[MASK]": 1} | {w: k + 2 for k, w in enumerate(words)}, "[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    source, texts = Path(folder) / "source", Path(folder) / "texts"
    texts.mkdir()
    for number in range(60):
        text = " ".join(words[(number * 7919 + k * k) % len(words)] for k in range(6000))
        (texts / f"{number}.txt").write_text(text, encoding="utf-8")
    if kind == "embedding":
        transformers.BertModel(transformers.BertConfig(vocab_size=size)).save_pretrained(source)
        modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
        (source / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    else:
        transformers.GPT2LMHeadModel(transformers.GPT2Config()).save_pretrained(source)
    tokenizer.save(str(source / "tokenizer.json"))
    batch = {"embedding": 4, "causal": 1}[kind]
    settings = {"range": 128} if kind == "embedding" else {}
    steps: list[float] = []
    # Random weights may learn nothing in two steps: what was used is asked of the system, not of the record.
    with contextlib.suppress(WorkFailedError):
        calibrate(
            source,
            Path(folder) / "out",
            data=str(texts),
            length=LENGTH,
            document=LENGTH,
            steps=2,
            every=2,
            batch=batch,
            report=lambda message: steps.append(message["seconds"]),
            **settings,
        )
    return {
        "model": {"embedding": "BERT base, embedding", "causal": "GPT-2 small, causal"}[kind],
        "batch": batch,
        "tokens": LENGTH,
        "peak_gib": round(peak_memory_bytes() / 2**30, 2),
        "seconds_a_step": round(steps[1], 1),
    }


def passkey_rows(kept: dict[str, Any]) -> list[list[str]]:
    """The calibrated model with its tables by length, with its one table, and the baselines."""
    (_, *by_length), *baselines = accuracy_rows(kept["passkey"], "passkey")
    (_, *one_table), *_ = accuracy_rows(kept["plain"], "passkey")
    return [["tables by length", *by_length], ["one table", *one_table], *baselines]


def depth_rows(kept: dict[str, Any], length: int = 1024) -> list[list[str]]:
    """Passkeys of a length by where they lie: the share that was found in each fifth of the documents."""
    rows = []
    for part, name in (("passkey", "tables by length"), ("plain", "one table")):
        cells = kept[part]["cells"]
        found = next(c["by_depth"] for c in cells if c["system"] == "checkpoint" and c["length"] == length)
        rows.append([name, *(f"{share:.3f}" for share in found)])
    return rows


def other_rows(kept: dict[str, Any]) -> list[list[str]]:
    """Kind and length, and accuracy of each table, with what calibrating adds."""
    rows = []
    for cell in kept["other_passkeys"]:
        told = [interval(cell[name]) for name in other_passkeys.SYSTEMS]
        rows.append([cell["kind"], f"{cell['length']:,}", *told, interval(cell["gain"], sign=True)])
    return rows


def memory_rows(kept: dict[str, Any]) -> list[list[str]]:
    """Model, batch, tokens, peak, seconds a step."""
    return [
        [m["model"], str(m["batch"]), f"{m['tokens']:,}", f"{m['peak_gib']:.1f}", f"{m['seconds_a_step']:.0f}"]
        for m in kept["memory"]
    ]


def print_tables(kept: dict[str, Any]) -> None:
    print_table(["passkey", *PASSKEY], passkey_rows(kept))
    for task in TABLES:
        print_table([task, *OTHERS], accuracy_rows(kept["others"], task))
    print_table(["found at 1,024 tokens", "first fifth", "second", "third", "fourth", "last"], depth_rows(kept))
    print_table(["documents", "tokens", *other_passkeys.SYSTEMS, "gain"], other_rows(kept))
    print_table(["model", "documents a step", "tokens", "peak (GiB)", "seconds a step"], memory_rows(kept))
    print("\n".join(sentence for part in ("passkey", "plain", "others") for sentence in kept[part]["verdict"]))
    print(json.dumps({name: kept["record"][name] for name in ("validation", "seconds", "steps", "training_tokens")}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="?")
    parser.add_argument("--tables", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(*arguments.one)))
        return
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    if arguments.memory:
        kept["memory"] = measure_memory()
    elif not arguments.tables:
        if arguments.checkpoint is None:
            parser.error("name a checkpoint, --memory or --tables")
        kept |= measure(arguments.checkpoint)
    write_whole(KEPT, lambda path: path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8"))
    if "record" in kept and "memory" in kept:
        print_tables(kept)


if __name__ == "__main__":
    main()
