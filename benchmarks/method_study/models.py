"""The language models of the study: causal and masked, packed and short-biased, with an oracle at the long length."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from posembed.corpus import Corpus, load_corpus
from posembed.files import write_whole
from posembed.hardware import resolve_precision
from posembed.lab.config import UnitConfig
from posembed.lab.model import LabModel
from posembed.lab.train import Trainer
from posembed.text_files import split_texts

KINDS = {"causal": "decoder", "masked": "encoder"}
DATA = ("packed", "short-biased")


@dataclass(frozen=True)
class Setting:
    """What the models read.

    Attributes:
        name: of the part.
        vocabulary: of a byte-level BPE that is made from the training texts; 0 for bytes.
        short: positions of the models that are extended.
        precision: of their training; ``"auto"`` is bf16 where the processor has it.
        data: what they were trained on.
    """

    name: str
    vocabulary: int
    short: int
    precision: str
    data: tuple[str, ...] = DATA

    @property
    def long(self) -> int:
        """Positions that are wanted, and of the oracle."""
        return 4 * self.short

    def corpus(self, folder: Path) -> Corpus:
        """The standard library's source text in tokens."""
        return load_corpus("stdlib", str(self._tokenizer(folder)) if self.vocabulary else "")

    def _tokenizer(self, folder: Path) -> Path:
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers

        file = folder / f"bpe-{self.vocabulary}.json"
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            tokenizer = Tokenizer(models.BPE())
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            letters = pre_tokenizers.ByteLevel.alphabet()
            trainer = trainers.BpeTrainer(vocab_size=self.vocabulary, initial_alphabet=letters, special_tokens=[])
            texts = [text.decode("utf-8") for text in split_texts("stdlib")[0]["train"]]
            tokenizer.train_from_iterator(texts, trainer)
            write_whole(file, lambda path: tokenizer.save(str(path)))
        return file


SETTINGS = {
    each.name: each
    for each in (
        Setting("bytes", 0, 16, "fp32"),
        Setting("words", 2048, 8, "auto"),
        Setting("large", 8192, 4, "auto", data=("packed",)),
    )
}


def configuration(setting: Setting, kind: str, length: int, steps: int) -> UnitConfig:
    """Same tokens a step at either length."""
    return UnitConfig(
        model=KINDS[kind],
        train_length=length,
        batch_size=4096 // length,
        steps=steps,
        d_model=128,
        layers=3,
        heads=4,
        learning_rate=2e-3,
        precision=resolve_precision(setting.precision, "cpu"),
    )


class ShortBiased(Trainer):
    """Sequences of a step are of one length, mostly far below the table's; the tokens of a step stay the same."""

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """As in the lab, cut to the step's length."""
        draw = np.random.default_rng([self.config.seed, step, 7])
        full = self.config.train_length
        length = int(np.clip(np.exp(draw.normal(np.log(full / 3), 0.6)), full // 2, full))
        repeats = max(1, round(full / length))
        parts = [super(ShortBiased, self).batch(step * 64 + part) for part in range(repeats)]
        inputs, targets = (torch.cat([part[side][:, :length] for part in parts]) for side in (0, 1))
        return inputs, targets


def trained(
    setting: Setting, kind: str, data: str, length: int, steps: int, corpus: Corpus, folder: Path
) -> tuple[LabModel, int]:
    """A trained model, from ``folder`` if it was trained before, and the tokens that it was trained on."""
    config = configuration(setting, kind, length, steps)
    model = LabModel(config, corpus.vocab_size)
    file = folder / f"{setting.name}-{kind}-{data}-{length}-{steps}-{config.precision}.pt"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        trainer = (ShortBiased if data == "short-biased" else Trainer)(config, corpus, model)

        def report(message: dict[str, object]) -> None:
            if int(str(message["step"])) % 500 == 0:
                print(file.name, message, flush=True)

        status, why = trainer.train(file.with_suffix(".state"), report, lambda: False, 60.0)
        if status != "finished":
            raise SystemExit(f"{file}: {why}")
        write_whole(file, lambda path: torch.save(model.state_dict(), path))
        file.with_suffix(".state").unlink(missing_ok=True)
    model.load_state_dict(torch.load(file, weights_only=True))
    return model.eval(), steps * config.batch_size * length
