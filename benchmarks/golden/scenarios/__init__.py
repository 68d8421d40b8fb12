"""The scenarios, in groups. They use the command line and the public names alone, so that modules may move."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.golden.execution import Scenario
from benchmarks.golden.scenarios.extending import extending
from benchmarks.golden.scenarios.inspecting import inspecting
from benchmarks.golden.scenarios.lab import calibrating, choosing, evaluating
from benchmarks.golden.scenarios.messages import messages
from benchmarks.golden.scenarios.minilm import minilm
from benchmarks.golden.scenarios.modules import modules
from benchmarks.golden.scenarios.public import public
from benchmarks.golden.scenarios.training import beginning, resuming, training
from benchmarks.golden.scenarios.words import teaching, words

#: In the order in which they run: ``begin`` first and ``resume`` last, for one side's state is finished by the other.
GROUPS: dict[str, Callable[[], Sequence[Scenario]]] = {
    "begin": beginning,
    "inspect": inspecting,
    "extend": extending,
    "choose": choosing,
    "evaluate": evaluating,
    "calibrate": calibrating,
    "compare": training,
    "public": public,
    "modules": modules,
    "teaching": teaching,
    "words": words,
    "messages": messages,
    "minilm": minilm,
    "resume": resuming,
}
