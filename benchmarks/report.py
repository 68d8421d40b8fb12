"""How long a report of a 4,096-row table takes to write and to open, and how large it is.

Run: python -m benchmarks.report [--rounds 5] [--seed 0]     (needs Chromium and `pip install playwright`)
     python -m benchmarks.report --picture all-MiniLM-L6-v2 docs/images/report.png     (the picture in README)
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright
from safetensors.numpy import save_file

from benchmarks.timing import print_header

ROWS, WIDTH = 4096, 768
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", nargs=2, metavar=("CHECKPOINT", "PNG"))
    given = parser.parse_args()
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        print("no Chromium: apt-get install chromium; the report is not timed")
        return
    if given.picture:
        draw_picture(program, *given.picture)
        return
    with tempfile.TemporaryDirectory() as folder:
        table, report = Path(folder) / "table.safetensors", Path(folder) / "report.html"
        walk = np.cumsum(np.random.default_rng(given.seed).standard_normal((ROWS, WIDTH)), axis=0)
        save_file({"wpe.weight": (0.01 * walk).astype(np.float32)}, table)
        begun = time.perf_counter()
        write_report(str(table), report)
        written = time.perf_counter() - begun
        print_header(f"The report of a table of {ROWS} × {WIDTH}", given.seed)
        print(f"  measuring and writing {written:.1f} s; {report.stat().st_size / 1e6:.2f} MB")
        plain = Path(folder) / "plain.html"
        plain.write_text("<!DOCTYPE html><title>another page</title><p>text", encoding="utf-8")
        for name, first in (
            ("in a browser that was just started", None),
            ("in a browser that shows another page", plain),
            ("opened again", report),
        ):
            drawn, shown = zip(*(opened(program, report, first) for _ in range(given.rounds)), strict=True)
            print(
                f"  {name}: text shown after {statistics.median(shown):.2f} s, flat charts drawn after "
                f"{statistics.median(drawn):.2f} s ({min(drawn):.2f} to {max(drawn):.2f}, {given.rounds} rounds)"
            )


def write_report(checkpoint: str, report: Path) -> None:
    command = [sys.executable, "-c", "from posembed.cli.app import main; main()", "inspect", checkpoint, "--html"]
    subprocess.run([*command, str(report)], check=True, capture_output=True)


def draw_picture(program: str, checkpoint: str, file: str) -> None:
    """The first four charts of a checkpoint's report, as a reader sees them."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        report = Path(folder) / "report.html"
        write_report(checkpoint, report)
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(viewport={"width": 1200, "height": 1010})
        page.goto(report.as_uri())
        page.wait_for_selector("html[data-ready=true]")
        page.locator(".charts").first.evaluate("charts => charts.scrollIntoView()")
        page.locator(".plot canvas").first.wait_for()
        page.wait_for_timeout(2000)  # charts in space settle over some frames
        page.screenshot(path=file)
        browser.close()


def opened(program: str, report: Path, first: Path | None) -> tuple[float, float]:
    """Seconds from the navigation's start to the last flat chart and to the first text.

    The chart in space is drawn when it comes near the window.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        if first is not None:
            page.goto(first.as_uri())
            page.wait_for_timeout(1000)
        page.goto(report.as_uri())
        page.wait_for_selector("html[data-ready=true]")
        drawn = float(page.evaluate("performance.now()"))
        shown = float(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        browser.close()
    return drawn / 1000, shown / 1000


if __name__ == "__main__":
    main()
