"""Record one side: run the scenarios with the package that the path gives. Started by ``benchmarks.golden.sides``.

Run: python -m benchmarks.golden.side TREE RECORDS GROUP…, in a folder that holds the inputs.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import sys
import threading
import time
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from benchmarks.golden.scenarios import GROUPS


def _load_everything() -> None:
    """Load what the scenarios need, once; each of them runs in a fork of this process."""
    import torch
    import transformers

    import posembed

    torch.set_num_threads(1)
    for name in posembed.__all__:
        getattr(posembed, name)
    for model in ("BertModel", "RobertaForMaskedLM", "GPT2LMHeadModel", "AutoModel", "AutoTokenizer"):
        getattr(transformers, model)
    handler = signal.getsignal(signal.SIGTERM)
    for words in (["--help"], ["inspect", "bert"], ["inspect", "bert", "--json"], _PLAN, [*_PLAN, "--json"]):
        sys.argv = ["posembed", *words]
        with (
            Path(os.devnull).open("w", encoding="utf-8") as nowhere,
            redirect_stdout(nowhere),
            redirect_stderr(nowhere),
            suppress(SystemExit),
        ):
            runpy.run_module("posembed", run_name="__main__")
    signal.signal(signal.SIGTERM, handler)
    for thread in threading.enumerate():  # a fork must not leave one behind in the middle of its work
        if thread is not threading.main_thread():
            thread.join(timeout=30)
            print(f"waited for {thread}", flush=True)
    gc.collect()
    gc.freeze()  # else every fork's first collection copies the pages of all that is loaded


_PLAN = ["extend", "bert", "made/nothing", "--to", "128", "--dry-run"]


def main(tree: str, records: str, groups: list[str]) -> int:
    """Run ``groups`` and write a file of records for each."""
    import posembed

    if Path(posembed.__file__).resolve().parents[1] != Path(tree).resolve():
        print(f"{posembed.__file__} is loaded in place of the package in {tree}", file=sys.stderr)
        return 2
    _load_everything()
    for group in groups:
        made: dict[str, Any] = {}
        seconds: dict[str, float] = {}
        for scenario in GROUPS[group]():
            assert scenario.name not in made, scenario.name
            begun = time.perf_counter()
            made[scenario.name] = scenario.record()
            seconds[scenario.name] = time.perf_counter() - begun
        file = Path(records, f"{group}.json")
        file.write_text(json.dumps(made), encoding="utf-8")
        slowest = max(seconds, key=lambda name: seconds[name])
        print(
            f"{group}: {len(made)} scenarios, {sum(seconds.values()):.1f} s, "
            f"{seconds[slowest]:.1f} s of them for {slowest}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
