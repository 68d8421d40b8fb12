"""Calibrate the table of an embedding model and evaluate it on documents that calibration never saw; measure memory.

    hf download sentence-transformers/all-MiniLM-L6-v2 --local-dir all-MiniLM-L6-v2
    python -m benchmarks.calibration all-MiniLM-L6-v2                    (110 minutes on 2 idle cores; writes KEPT)
    python -m benchmarks.calibration all-MiniLM-L6-v2 --only one_table   (one part of it)
    python -m benchmarks.calibration --memory                            (about 15 minutes; writes KEPT's memory part)
    python -m benchmarks.calibration --tables                            (prints the page's tables from KEPT)

The first command does what `posembed calibrate CHECKPOINT … --to 4096 --data stdlib` does, once with `--range 160
--keep 128 --length-aware`, once with `--range 128`, and once like the first with `--minutes 20`, and `posembed evaluate
… --original CHECKPOINT` for each. Kept rows are given: inputs of up to 128 tokens must not change. Calibrated
copies are kept in --out and are not made again.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import other_passkeys
from benchmarks.pages import accuracy_rows, interval, keep, load, print_table
from posembed import calibrate, evaluate, extend_checkpoint
from posembed.checkpoint.stale_files import CALIBRATION
from posembed.errors import WorkFailedError
from posembed.hardware import peak_memory_bytes
from posembed.observer import Callbacks, Observer, Progress
from posembed.records.evaluate import EvaluateOptions, Task

KEPT = Path(__file__).parents[1] / "docs" / "measured" / "calibration.json"
LENGTH = 4096
WAYS: dict[str, dict[str, Any]] = {
    "by_length": {"range": 160, "keep": 128, "length_aware": True, "hidden": 1.0},
    "one_table": {"range": 128, "hidden": 1.0},
}
WAYS["twenty_minutes"] = WAYS["by_length"] | {"minutes": 20}
TASKS: tuple[Task, ...] = ("needle", "paragraph")
PASSKEY, OTHERS = (128, 256, 512, 1024, 2048, 4096), (512, 1024, 2048)
DOCUMENTS = 400  # of passkeys: four pools, so every filler of the test set
FEWER, LONGER = 200, (1024, 2048, 4096)  # of the training that is cut short: for slow machines, which evaluate slowly
PARTS = (*WAYS, "others", "other_passkeys")


def tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


class Lines(Observer):
    """Prints messages, and every 25th step."""

    def message(self, text: str) -> None:
        """Print a message."""
        tell(text)

    def progress(self, update: Progress) -> None:
        """Print one step in 25."""
        if update.loss is not None and update.done is not None and update.done % 25 == 0:
            tell(f"step {update.done} of {update.total}, loss {update.loss:.3f}")


WATCH = Lines()


def calibrated(checkpoint: str, way: str, folder: Path) -> Path:
    """The calibrated copy, from ``folder`` if it was made before."""
    out = folder / f"{Path(checkpoint).name}-{way}"
    if not out.exists():
        calibrate(checkpoint, out, data="stdlib", length=LENGTH, **WAYS[way], resume=True, observer=WATCH)
    return out


def measure(checkpoint: str, part: str, folder: Path) -> Any:
    """One part of what is kept."""
    if part == "other_passkeys":
        with tempfile.TemporaryDirectory() as other:
            averaged = Path(other) / "averaged"
            extend_checkpoint(checkpoint, averaged, LENGTH, method="mean", range=WAYS["by_length"]["range"], keep=1)
            return other_passkeys.measure(checkpoint, averaged, calibrated(checkpoint, "by_length", folder), tell)
    out = calibrated(checkpoint, "by_length" if part == "others" else part, folder)
    named = {"checkpoint": "the calibrated copy", "original": Path(checkpoint).name}
    if part == "others":
        return evaluate(out, original=checkpoint, tasks=TASKS, lengths=OTHERS, observer=WATCH).to_dict() | named
    lengths, documents = (LONGER, FEWER) if part == "twenty_minutes" else (PASSKEY, DOCUMENTS)
    options = EvaluateOptions(original=checkpoint, tasks=("passkey",), lengths=lengths, documents=documents)
    found = evaluate(out, options, observer=WATCH).to_dict()
    record = json.loads((out / CALIBRATION).read_text(encoding="utf-8")) | {"checkpoint": Path(checkpoint).name}
    return {"record": record, "passkey": found | named}


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
            observer=Callbacks(progress=lambda update: steps.append(update.seconds or 0.0)),
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
    """The calibrated length-aware tables, the calibrated one table, and the baselines."""
    (_, *by_length), *baselines = accuracy_rows(kept["by_length"]["passkey"], "passkey")
    (_, *one_table), *_ = accuracy_rows(kept["one_table"]["passkey"], "passkey")
    return [["length-aware tables", *by_length], ["one table", *one_table], *baselines]


def twenty_rows(kept: dict[str, Any]) -> list[list[str]]:
    """The table of a training of twenty minutes, and the baselines."""
    (_, *trained), *baselines = accuracy_rows(kept["twenty_minutes"]["passkey"], "passkey")
    return [[f"length-aware tables, {kept['twenty_minutes']['record']['steps']} steps", *trained], *baselines]


def depth_rows(kept: dict[str, Any], length: int = 1024) -> list[list[str]]:
    """Passkeys of a length by where they lie: the share that was found in each fifth of the documents."""
    rows = []
    for part, name in (("by_length", "length-aware tables"), ("one_table", "one table")):
        cells = kept[part]["passkey"]["cells"]
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
    print_table(["passkey, twenty minutes", *LONGER], twenty_rows(kept))
    for task in TASKS:
        print_table([task, *OTHERS], accuracy_rows(kept["others"], task))
    print_table(["found at 1,024 tokens", "first fifth", "second", "third", "fourth", "last"], depth_rows(kept))
    print_table(["documents", "tokens", *other_passkeys.SYSTEMS, "gain"], other_rows(kept))
    print_table(["model", "documents a step", "tokens", "peak (GiB)", "seconds a step"], memory_rows(kept))
    for found in (*(kept[way]["passkey"] for way in WAYS), kept["others"]):
        print("\n".join(found["verdict"]))
    for way in WAYS:
        record = kept[way]["record"]
        print(way, json.dumps({name: record[name] for name in ("validation", "seconds", "steps", "training_tokens")}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="?")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--out", type=Path, default=Path("runs/calibration"))
    parser.add_argument("--tables", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(*arguments.one)))
        return
    if not arguments.tables and not arguments.memory:
        if arguments.checkpoint is None:
            parser.error("name a checkpoint, --memory or --tables")
        arguments.out.mkdir(parents=True, exist_ok=True)
        for part in PARTS if arguments.only is None else [arguments.only]:
            keep(KEPT, {part: measure(arguments.checkpoint, part, arguments.out)})
    if arguments.memory:
        keep(KEPT, {"memory": measure_memory()})
    kept = load(KEPT)
    if {*PARTS, "memory"} <= kept.keys():
        print_tables(kept)


if __name__ == "__main__":
    main()
