"""Choices that several commands offer or record."""

from __future__ import annotations

from typing import Literal

#: Arithmetic of the forward passes; ``"auto"`` becomes ``"bf16"`` where the hardware has it, else ``"fp32"``.
Precision = Literal["auto", "bf16", "fp32"]
#: Kinds of model that can be evaluated, by the names that records store; the first three can be calibrated too.
KindName = Literal["embedding", "causal", "masked", "reranker", "sparse", "multi-vector"]
#: Disjoint parts of the texts: ``train`` calibrates, ``validation`` selects, ``test`` is reported on.
Split = Literal["train", "validation", "test"]
