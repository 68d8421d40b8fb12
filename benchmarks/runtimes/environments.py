"""The environments of the libraries; they share torch and whatever else is here, and hold what differs."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import venv
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

# transformers 4, which optimum's export to ONNX and CTranslate2's converter need
OLDER = ("transformers<5", "huggingface_hub<1", "optimum-onnx", "ctranslate2", "sentence-transformers>=5,<6")
NEWER = ("diffusers", "timm", "open_clip_torch", "ftfy", "wcwidth")
LLAMA = ("diskcache",)  # llama_cpp_python needs it; the package itself is built
LLAMA_SOURCE = "llama_cpp_python==0.3.36"
ENVIRONMENTS = {"older": OLDER, "newer": NEWER, "llama": LLAMA}


def call(words: Sequence[object], more: Mapping[str, str] | None = None) -> str:
    """Run a command and return its output; a failure's last line becomes the error."""
    done = subprocess.run(
        list(map(str, words)), check=False, capture_output=True, text=True, env={**os.environ, **(more or {})}
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or done.stdout.strip()).splitlines()[-1])
    return done.stdout


def make_environment(folder: Path, name: str) -> None:
    """Make an environment that has its packages before whatever is installed here."""
    venv.create(folder, with_pip=True, symlinks=True)
    inside = next((folder / "lib").glob("python3*")) / "site-packages"
    (inside / "zz_beside.pth").write_text("\n".join(site.getsitepackages()) + "\n", encoding="utf-8")
    pins = folder / "pins.txt"
    pins.write_text(f"torch=={version('torch').partition('+')[0]}\n", encoding="utf-8")
    words = [] if name == "older" else ["--no-deps"]
    call([*_pip(folder, "install"), "--constraint", pins, *words, *ENVIRONMENTS[name]])
    if name == "llama":
        _build_llama(folder)


def converter(folder: Path) -> Path:
    """Return llama.cpp's own converter, which is in the source package alone."""
    return next((folder / "source").glob("*/vendor/llama.cpp/convert_hf_to_gguf.py"))


def _pip(folder: Path, command: str) -> list[object]:
    return [folder / "bin" / "python", "-m", "pip", command, "--quiet"]


def _build_llama(folder: Path) -> None:
    """Build llama.cpp for this CPU from the Python package's source, which takes a C++ compiler."""
    source = folder / "source"
    package = LLAMA_SOURCE.partition("==")[0]
    call([*_pip(folder, "download"), "--no-deps", "--no-binary", package, "--dest", source, LLAMA_SOURCE])
    shutil.unpack_archive(next(source.glob("*.tar.gz")), source, filter="data")
    # The package turns on a library of command-line helpers that takes longer to build than llama.cpp and is not
    # installed usefully; it sets a cache entry, which a plain variable in llama.cpp's own project hides.
    less = folder / "less.cmake"
    less.write_text("set(LLAMA_BUILD_COMMON OFF)\n", encoding="utf-8")
    options = f"-DCMAKE_PROJECT_llama.cpp_INCLUDE={less} -DLLAVA_BUILD=OFF -DGGML_OPENMP=OFF"
    build = {"CMAKE_ARGS": options, "CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count())}
    call([*_pip(folder, "install"), "--no-deps", next(source.glob("llama_cpp_python-*/"))], build)
