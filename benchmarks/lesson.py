"""What the lesson shows of a comparison, as one small file.

    posembed compare --encodings learned,sinusoidal,rope,alibi,none,learned-from-sinusoid --seeds 2 --steps 1000 \
        --out runs/all
    python -m benchmarks.lesson runs/all     (writes posembed/lesson/measured.json)

The comparison keeps a trained table, but no token rows; so the learned arm of the first seed is trained once more, and
must give the same table.
"""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file

from posembed.corpus import load_corpus
from posembed.files import write_whole
from posembed.lab.model import LabModel
from posembed.lab.trainer import Trainer
from posembed.lab.unit_result import CHECKPOINT, UnitMessage
from posembed.lesson.example import SENTENCE
from posembed.lesson.measured import command_of, pack
from posembed.records.comparison import Arm, Beyond, Comparison
from posembed.records.unit import UnitConfig
from posembed.report.plots import DOUBLE

TARGET = Path(__file__).parents[1] / "posembed" / "lesson" / "measured.json"


def main(folder: Path) -> None:
    results = Comparison.from_dict(json.loads((folder / "results.json").read_text(encoding="utf-8")))
    unit = next((folder / "units").glob("learned-seed*"))
    config = UnitConfig.from_dict(json.loads((unit / "configuration.json").read_text(encoding="utf-8")))
    torch.set_num_threads(config.threads)
    corpus = load_corpus(config.data, config.tokenizer)
    model = LabModel(config, corpus.vocab_size)
    trainer = Trainer(config, corpus, model)

    def report(message: UnitMessage) -> None:
        if message.step is not None and message.step % 100 == 0:
            print(f"step {message.step} of {config.steps}, loss {message.loss:.3f}", file=sys.stderr)

    trainer.train(folder / CHECKPOINT, report, lambda: False, save_seconds=1e9)
    assert model.table is not None
    assert model.embed.token is not None
    table = model.table.detach().numpy()
    kept = load_file(folder / "tables" / f"{unit.name}.safetensors")["position"]
    np.testing.assert_array_equal(table, kept, err_msg="training again gave another table")
    write_measured(
        {
            "command": f"{command_of(results.configuration)} --out {folder}",
            "results": rounded(shown(results).to_dict()),
            "lab": {
                "table": pack(table),
                "token_rows": pack(model.embed.token.weight.detach().numpy()[list(SENTENCE.encode("ascii"))]),
                "vocab_size": corpus.vocab_size,
            },
        }
    )


def write_measured(content: dict[str, object]) -> None:
    """Write the file that the package carries."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    write_whole(TARGET, lambda path: path.write_text(text + "\n", encoding="utf-8"))
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


def shown(results: Comparison) -> Comparison:
    """Return the comparison without what no page of the lesson shows: curves, speed, most losses by position."""
    length = results.configuration.train_length
    return dataclasses.replace(results, arms=tuple(_shown_arm(arm, length) for arm in results.arms))


def _shown_arm(arm: Arm, length: int) -> Arm:
    beyond = tuple(_shown_entry(entry, length) for entry in arm.beyond)
    return dataclasses.replace(arm, beyond=beyond, curves=(), speed=None)  # speed is that of a busy machine


def _shown_entry(entry: Beyond, length: int) -> Beyond:
    """Keep losses by position only where they are drawn: past the training length, at twice it."""
    drawn = entry.factor == DOUBLE and entry.per_position is not None
    return dataclasses.replace(entry, per_position=(None,) * length + entry.per_position[length:] if drawn else None)


def rounded(value: object) -> object:
    """Five digits are more than any page shows."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    return [rounded(part) for part in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main(Path(sys.argv[1]))
