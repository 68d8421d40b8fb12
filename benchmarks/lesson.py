"""What the lesson shows of a comparison, as one small file.

    posembed compare --encodings learned,sinusoidal,rope,alibi,none,learned-from-sinusoid --seeds 2 --steps 1000 \
        --out runs/all
    python -m benchmarks.lesson runs/all     (writes posembed/lesson/measured.json)

The comparison keeps a trained table, but no token rows; so the learned arm of the first seed is trained once more, and
must give the same table.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file

from posembed.corpus import load_corpus
from posembed.files import write_whole
from posembed.lab.config import UnitConfig
from posembed.lab.model import LabModel
from posembed.lab.train import CHECKPOINT, Trainer
from posembed.lesson.example import SENTENCE
from posembed.lesson.measured import command_of, pack

TARGET = Path(__file__).parents[1] / "posembed" / "lesson" / "measured.json"


def main(folder: Path) -> None:
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    unit = next((folder / "units").glob("learned-seed*"))
    config = UnitConfig.from_json(json.loads((unit / "configuration.json").read_text(encoding="utf-8")))
    torch.set_num_threads(config.threads)
    corpus = load_corpus(config.data, config.tokenizer)
    model = LabModel(config, corpus.vocab_size)
    trainer = Trainer(config, corpus, model)

    def report(message: dict) -> None:
        if message["step"] % 100 == 0:
            print(f"step {message['step']} of {config.steps}, loss {message['loss']:.3f}", file=sys.stderr)

    trainer.train(folder / CHECKPOINT, report, lambda: False, save_seconds=1e9)
    assert model.table is not None
    assert model.embed.token is not None
    table = model.table.detach().numpy()
    kept = load_file(folder / "tables" / f"{unit.name}.safetensors")["position"]
    np.testing.assert_array_equal(table, kept, err_msg="training again gave another table")
    content = {
        "command": f"{command_of(results['configuration'])} --out {folder}",
        "results": _rounded(results),
        "lab": {
            "table": pack(table),
            "token_rows": pack(model.embed.token.weight.detach().numpy()[list(SENTENCE.encode("ascii"))]),
            "vocab_size": corpus.vocab_size,
        },
    }
    write_whole(TARGET, lambda path: path.write_text(json.dumps(content, indent=0), encoding="utf-8"))
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


def _rounded(value: object) -> object:
    """Five digits are more than any page shows; speed depends on what else the machine did."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {name: None if name == "speed" else _rounded(part) for name, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main(Path(sys.argv[1]))
