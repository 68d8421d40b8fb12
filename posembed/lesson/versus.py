"""Learned beside sinusoidal, read from a comparison's results."""

from __future__ import annotations

from typing import Any

from posembed.presets import PRESETS
from posembed.report.terminal.compare import TextTable, with_interval
from posembed.tables.measures.sinusoids import explained_share, sinusoidal_basis, sinusoidal_table

Results = dict[str, Any]
_PAIR = ("learned", "sinusoidal")
_FLEXIBILITY = "flexibility: share of the rows' variance that a few slow sinusoids explain"
_FIXED = "the first Transformer (Vaswani et al. 2017), Marian, Pegasus, Whisper's encoder"


def _arm(results: Results, encoding: str) -> dict[str, Any] | None:
    return next((arm for arm in results["arms"] if arm["encoding"] == encoding and arm["quality"]), None)


def versus_table(results: Results) -> TextTable:
    """Parameters, memory, quality, generalisation, flexibility and users of both, as measured."""
    arms = [_arm(results, name) for name in _PAIR]
    assert all(arms)
    pair = [arm for arm in arms if arm is not None]
    length = results["configuration"]["train_length"]
    factor = max((e["factor"] for arm in pair for e in arm["beyond"]), default=None)
    rows: list[tuple[str, ...]] = [
        ("parameters of the positions", *(f"{arm['cost']['parameters']:,}" for arm in pair)),
        (
            "memory, float32",
            *(f"{arm['cost']['parameter_bytes'] + arm['cost']['fixed_bytes']:,} bytes" for arm in pair),
        ),
        ("memory of gradient and Adam's state", *(f"{3 * arm['cost']['parameter_bytes']:,} bytes" for arm in pair)),
        (f"quality: loss at {length} tokens (nats a token)", *(with_interval(arm["quality"]) for arm in pair)),
    ]
    if factor is not None:
        longer = f"generalisation: loss past {length}, at {round(factor * length)} tokens"
        rows.append((longer, *(_direct(arm, factor) for arm in pair)))
        rows.append(("the same, the table extended (linear)", *(_extended(arm, factor) for arm in pair)))
    rows += [
        (_FLEXIBILITY, *(_flexibility(arm, results) for arm in pair)),
        ("who uses it", ", ".join(dict.fromkeys(_family(name) for name in PRESETS)) + ", Whisper's decoder", _FIXED),
    ]
    return TextTable("Side by side: counted, and measured in one run", ("", *_PAIR), rows)


def _family(name: str) -> str:
    """``gpt2-medium`` as GPT-2."""
    known = {"bert": "BERT", "gpt2": "GPT-2", "gpt3": "GPT-3", "openai": "GPT-1", "roberta": "RoBERTa", "vit": "ViT"}
    known |= {"clip": "CLIP", "xlm": "XLM-R", "bart": "BART", "opt": "OPT", "bigbird": "BigBird", "mpnet": "MPNet"}
    known |= {"distilbert": "DistilBERT", "electra": "ELECTRA", "dinov2": "DINOv2"}
    return known[name.split("-")[0]]


def _direct(arm: dict[str, Any], factor: float) -> str:
    entry = next((e for e in arm["beyond"] if e["method"] == "direct" and e["factor"] == factor), None)
    if entry is None:
        return "not measured"
    return "an error: there are no rows" if entry["loss"] is None else with_interval(entry["loss_beyond"])


def _extended(arm: dict[str, Any], factor: float) -> str:
    entry = next((e for e in arm["beyond"] if e["method"] == "linear" and e["factor"] == factor), None)
    return "nothing to extend" if entry is None else with_interval(entry["loss_beyond"])


def _flexibility(arm: dict[str, Any], results: Results) -> str:
    found = arm["flexibility"]
    if found is not None:
        return (
            f"{found['explained_share']:.0%} (random rows: {found['explained_share_random']:.0%}), and any other rows "
            "where the data want them"
        )
    trained = next(arm["flexibility"] for arm in results["arms"] if arm["flexibility"] is not None)
    rows, width = (results["configuration"][name] for name in ("train_length", "d_model"))
    basis = sinusoidal_basis(rows, int(trained["functions"]))
    return f"{explained_share(sinusoidal_table(rows, width), basis):.0%}; the rows cannot change"


def quality_words(results: Results) -> tuple[list[str], list[str]]:
    """What the comparison says of quality: sentences for and against a learned table."""
    published = "Vaswani et al. 2017 (Table 3, row E) found no difference."
    good: list[str] = []
    bad: list[str] = []
    for pair in results["differences"]:
        if pair["first"] != "learned" or pair["low"] is None:
            continue
        if pair["second"] == "sinusoidal":
            sentence = f"Within the trained length, in the run above: {pair['verdict']}. {published}"
            (bad if pair["low"] > 0 else good).append(sentence)
        elif pair["second"] in ("rope", "alibi") and pair["low"] > 0:
            bad.append(f"Newer encodings can be better: {pair['verdict']}.")
    return good, bad


def beyond_words(results: Results) -> list[str]:
    """What each way did past the trained length in the comparison."""
    length = results["configuration"]["train_length"]
    found = []
    for arm in results["arms"]:
        for entry in arm["beyond"]:
            loss = entry["loss_beyond"]
            if entry["factor"] == 2.0 and loss is not None and loss["mean"] is not None:
                name = arm["encoding"] + ("" if entry["method"] == "direct" else f" + {entry['method']}")
                found.append((loss["mean"], f"{name} {with_interval(loss)}"))
    if not found:
        return []
    return [
        f"In the run above, trained at {length} tokens, the tokens from {length} to {2 * length} had these losses, "
        f"in the order of their means: {', '.join(words for _, words in sorted(found))}. Nothing was trained on the "
        "longer texts."
    ]


def ask_past_the_table() -> str:
    """What the library answers when it is asked for a position without a row."""
    import torch

    from posembed.nn.learned import LearnedPositionalEmbedding

    bert = PRESETS["bert-base"]
    try:
        LearnedPositionalEmbedding(bert.rows, bert.d_model)(torch.tensor([bert.rows]))
    except IndexError as error:
        return f"IndexError: {error}"
    return "no error"
