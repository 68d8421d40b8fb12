"""A real browser on the reports. Where there is none, these tests say how to install one and are skipped."""

import contextlib
import functools
import json
import os
import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

from posembed.commands.inspect import compare_checkpoints, inspect_checkpoint
from posembed.report.html.inspect import inspect_page
from posembed.report.html.inspect_two import pair_page
from posembed.report.html.page import write_page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The charts in space need WebGL; without a graphics card Chromium computes it. Everything else is drawn faster without.
ARGUMENTS = [
    *("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"),
    "--disable-gpu-compositing",
]


def missing(what):
    if os.environ.get("POSEMBED_REQUIRE_BROWSER") == "1":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("no Playwright: pip install playwright")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        missing("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield chromium
        chromium.close()


class Windows:
    """Windows of one browser, used again: in one that has had a report before, Chromium need not compile its scripts.

    That is two thirds of what opening a report costs. A window gets its size and scheme before the report, shows an
    empty page between two reports, and its mouse rests in the corner. Each has a context of its own, because of several
    pages in one context, only the last one is drawn without delay.
    """

    def __init__(self, browser):
        self._browser = browser
        self._free = []

    def get(self, width, scheme):
        window = self._free.pop() if self._free else self._browser.new_context().new_page()
        window.set_viewport_size({"width": width, "height": 900})
        window.emulate_media(media="screen", color_scheme=scheme)
        window.mouse.move(0, 0)
        return window

    def put_back(self, window):
        window.goto("about:blank")
        self._free.append(window)


@pytest.fixture(scope="session")
def windows(browser):
    return Windows(browser)


@contextlib.contextmanager
def opening(windows):
    """A function that opens a report; at the end nothing must have gone wrong in it, or been asked of a network."""
    opened, faults = [], []

    def open_(file, width=1280, scheme="light"):
        page = windows.get(width, scheme)
        listeners = {
            "console": lambda message: faults.append(f"{message.type}: {message.text}"),
            "pageerror": lambda error: faults.append(f"error: {error}"),
            "request": lambda request: faults.append(request.url) if request.url != file.as_uri() else None,
        }
        for event, listener in listeners.items():
            page.on(event, listener)
        opened.append((page, listeners))
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-ready=true]")
        return page

    yield open_
    for page, listeners in opened:
        for event, listener in listeners.items():
            page.remove_listener(event, listener)
        windows.put_back(page)
    # Chromium's advice on reading a canvas or a drawing in space back is about speed, and no fault.
    harmless = ("blob:", "willReadFrequently", "GL Driver Message (OpenGL, Performance")
    assert [fault for fault in faults if not any(part in fault for part in harmless)] == []


@pytest.fixture
def open_page(windows):
    """Open a report."""
    with opening(windows) as open_:
        yield open_


@pytest.fixture(scope="module")
def kept_page(windows):
    """Open a report once for all tests of a file that look at it, or set first whatever they read."""
    with opening(windows) as open_:
        yield functools.cache(open_)


@pytest.fixture(scope="session")
def helix():
    return make_helix


@pytest.fixture(scope="session")
def checkpoint():
    return make_checkpoint


def make_helix(rows, width, seed=0):
    """A table like GPT-2's: a slow helix, some noise, a large first row."""
    t = np.arange(rows)
    draw = np.random.default_rng(seed)
    curve = np.stack((np.cos(2 * np.pi * t / rows), np.sin(2 * np.pi * t / rows), t / rows), axis=1)
    table = curve @ draw.standard_normal((3, width)) * 0.1 + 0.01 * draw.standard_normal((rows, width))
    table[0] *= 5
    return table.astype(np.float32)


def make_checkpoint(folder, tensors, **config):
    folder.mkdir()
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpt2") / "model"
    tensors = {"wpe.weight": make_helix(96, 32), "h.0.attn.bias": np.tril(np.ones((1, 1, 96, 96), np.float32))}
    return make_checkpoint(folder, tensors, model_type="gpt2", n_positions=96, n_embd=32)


@pytest.fixture(scope="session")
def vit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vit") / "model"
    rows, columns = np.divmod(np.arange(36), 6)
    patches = np.stack((np.cos(rows), np.sin(rows), np.cos(columns), np.sin(columns)), axis=1)
    table = np.concatenate((np.ones((1, 4)), patches)) @ np.random.default_rng(1).standard_normal((4, 16))
    tensors = {"vit.embeddings.position_embeddings": table[None].astype(np.float32)}
    return make_checkpoint(folder, tensors, model_type="vit", image_size=24, patch_size=4, hidden_size=16)


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """Write the report of one checkpoint, or of two."""

    def write(*paths):
        file = tmp_path_factory.mktemp("report") / "report.html"
        if len(paths) == 1:
            return write_page(file, inspect_page(inspect_checkpoint(*paths, depth="views")))
        return write_page(file, pair_page(compare_checkpoints(*paths, depth="views")))

    return write


@pytest.fixture(scope="session")
def gpt2_report(report, gpt2):
    return report(gpt2)
