"""How the documentation site is built: ``make docs``."""

import re
import subprocess
import sys
from pathlib import Path

from posembed import __version__

project = "posembed"
author = "The posembed authors"
project_copyright = "The posembed authors, Apache-2.0"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build"]
nitpicky = True  # a link that leads nowhere fails the build
# Names that other libraries document; without a network their inventories cannot be read.
nitpick_ignore_regex = [
    ("py:.*", r"(torch|transformers|nn|np|numpy|ml_dtypes|os|pathlib|collections|typing|optional)\b.*"),
    (
        "py:class",
        r"(Json|JsonObject|MethodName|Kernel|Depth|StoredTensor|PickledFile|WeightFile|Shadow|.*\[\w+)",
    ),  # aliases, generics that Sphinx cuts at the comma, and names whose imports are for type checking alone
    (
        "py:.*",
        r"posembed\.(records|tables\.measures\.measure|find\.(families|stored_layout)|extension\.buffer_rules|checkpoint\.(tensors|formats\.pickle))\..*",
    ),  # parts of the above
    ("py:.*", r"(Tensor|Module|Path|NDArray|Any|Callable|Sequence|Literal|ArrayLike|Optimizer)\b.*"),
]

html_theme = "furo"
html_title = f"posembed {__version__}"
html_static_path: list[str] = []
EXTRA = Path(__file__).parent / "_build" / "extra"
EXTRA.mkdir(parents=True, exist_ok=True)  # Sphinx looks for it before the lesson is written
html_extra_path = [str(EXTRA)]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
napoleon_google_docstring = True
napoleon_numpy_docstring = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
add_module_names = False
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
linkcheck_timeout = 20


def write_lesson(_app: object) -> None:
    """Write the lesson, which is a page of its own on the site."""
    command = [sys.executable, "-m", "posembed", "lesson", "--html", str(EXTRA / "learned-positions.html")]
    subprocess.run(command, check=True)


_documented: dict[str, list[str]] = {}


def keep_colons(_app: object, what: str, name: str, _value: object, _options: object, lines: list[str]) -> None:
    """Keep a field's documentation from Napoleon, which takes what stands before a colon for its type."""
    if what in ("attribute", "property"):
        if name in _documented:
            lines[:] = _documented.pop(name)
        else:
            _documented[name] = list(lines)


_ARRAY = re.compile(
    r"~?(?:numpy\.)?ndarray\[~?tuple\[~?(?:typing\.)?Any, \.\.\.\], ~?(?:numpy\.)?dtype\[([^\[\]]*)\]\]"
)


def shorten_arrays(
    _app: object, _what: str, _name: str, _value: object, _options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Write ``NDArray[float32]``, as the source does, where Sphinx has what that stands for."""
    short = [None if each is None else _ARRAY.sub(r"NDArray[\1]", each) for each in (signature, returned)]
    return short[0], short[1]


def setup(app: object) -> None:
    """Connect the steps above; Sphinx calls this."""
    app.connect("builder-inited", write_lesson)  # type: ignore[attr-defined]
    app.connect("autodoc-process-signature", shorten_arrays)  # type: ignore[attr-defined]
    for priority in (400, 600):  # before Napoleon and after it
        app.connect("autodoc-process-docstring", keep_colons, priority=priority)  # type: ignore[attr-defined]
