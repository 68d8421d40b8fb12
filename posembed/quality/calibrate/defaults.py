"""What a calibration takes where its caller says nothing, for each kind of model."""

from __future__ import annotations

from typing import Any

from posembed.quality.calibrate.config import CalibrationConfig
from posembed.quality.calibrate.documents import LONGEST_QUERY
from posembed.quality.calibrate.start import Start
from posembed.quality.models.loading import Kind

_KINDS: dict[Kind, dict[str, Any]] = {
    "embedding": {"steps": 250, "batch": 16, "shift_rate": 3.5e-3, "row_rate": 0.0},
    "causal": {"steps": 400, "batch": 8, "shift_rate": 1e-3, "row_rate": 1e-2},
    "masked": {"steps": 400, "batch": 8, "shift_rate": 1e-3, "row_rate": 1e-2},
}
_DOCUMENTS, _DOCUMENT_TOKENS = 128, 131072  # of embedding models: most validation documents, and their tokens in all
_INPUTS, _INPUT_TOKENS = 64, 32768  # of language models: likewise
_DOCUMENT = 1024  # tokens of an embedding model's longest training document: what it learns holds at 4,096 too


def configuration(
    kind: Kind,
    start: Start,
    old: int,
    *,
    length: int,
    document: int | None,
    length_aware: bool,
    chosen: dict[str, Any],
    **others: Any,
) -> CalibrationConfig:
    """The configuration of a calibration that begins so.

    Args:
        kind: of the model.
        start: where it begins.
        old: usable positions of the source's table.
        length: of the new one.
        document: tokens of the longest training input; ``None`` for the usual.
        length_aware: whether tables by length are written.
        chosen: other settings of the configuration, ``None`` for the usual.
        others: likewise, of those that depend on nothing.

    Raises:
        InvalidArgumentError: for sizes that cannot be.
    """
    above = short_inputs(kind, start.keep, old) if length_aware else 0
    put_back = 0 if length_aware and kind == "embedding" else start.keep  # the old rows have a table of their own
    usual = min(length, max(_DOCUMENT, 2 * max(put_back, above))) if kind == "embedding" else length
    tokens = usual if document is None else document
    most, together, read = (
        (_DOCUMENTS, _DOCUMENT_TOKENS, tokens) if kind == "embedding" else (_INPUTS, _INPUT_TOKENS, length)
    )
    return CalibrationConfig(
        kind=kind,
        length=length,
        keep=put_back,
        trained_whole=kind == "embedding",
        period=start.period,
        above=above if kind == "embedding" else 0,
        queries_trained=kind == "embedding" and put_back < LONGEST_QUERY and not length_aware,
        document=tokens,
        spread=kind != "embedding" and tokens < length,
        held_out=max(4, min(most, together // max(1, read))),
        **others,
        **(_KINDS[kind] | {name: value for name, value in chosen.items() if value is not None}),
    )


def short_inputs(kind: Kind, kept: int, old: int) -> int:
    """With tables by length: positions of the longest input that reads the old ones.

    An embedding model's last rows may hardly be trained, so inputs that are longer than the rows that stay are better
    off with the calibrated table. Queries must fit, which the old table embeds.
    """
    return kept if kind == "embedding" and LONGEST_QUERY <= kept <= old else old
