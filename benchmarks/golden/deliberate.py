"""Differences that are meant, each with its reason; the only place where they are listed.

``Renamed`` and ``Reworded`` are applied to what was there before; then the two sides must be equal. ``Added`` lets a
value appear, but neither change nor go; ``Accepted`` lets it differ. In every path and scenario ``*`` stands for
anything. An entry that nothing needed is reported when everything was run, so that the lists do not outlive what they
excuse.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Renamed:
    """A key of a record that has another name now; each ``*`` of ``after`` is what that of ``before`` stood for.

    Example: ``Renamed("json/tables/*/usable_length", "json/tables/*/usable_positions", "…")``.
    """

    before: str
    after: str
    reason: str
    scenario: str = "*"


@dataclass(frozen=True)
class Reworded:
    """Words within any text (or key that is printed) that read otherwise now. Line breaks and padding may move."""

    before: str
    after: str
    reason: str
    scenario: str = "*"


@dataclass(frozen=True)
class Added:
    """A value that was not there before."""

    path: str
    reason: str
    scenario: str = "*"


@dataclass(frozen=True)
class Accepted:
    """A value that may differ, appear or be gone; with ``text`` only where that is found in it before or after."""

    path: str
    reason: str
    text: str = ""
    scenario: str = "*"


@dataclass(frozen=True)
class Deliberate:
    """All that is meant."""

    renamed: tuple[Renamed, ...] = ()
    reworded: tuple[Reworded, ...] = ()
    added: tuple[Added, ...] = ()
    accepted: tuple[Accepted, ...] = ()


# What `inspect` says: the glossary's words, American spelling, names of measures that stand by themselves.
_INSPECT_WORDS = (
    ("is a matter of distance alone", "is explained by distance alone"),
    ("unknown: the table alone does not tell", "unknown: it cannot be inferred from the table alone"),
    ("the whole table passes for an untouched random draw", "the whole table matches its initial distribution"),
    ("or too little to be seen", "or too little to show"),
    ("the norms vary more than a draw's", "the norms vary more than random rows'"),
    ("on pass for an untouched random draw", "on match the initial distribution"),
    ("are likelier untouched than trained", "are likelier untrained than trained"),
    ("rows are no untouched draw", "rows do not match the initial distribution"),
    ("(untouched: 1.22)", "(untrained: 1.22)"),
    ("too few to tell", "too few to judge"),
    ("odd rows", "unusual rows"),
    ("neighbouring rows", "neighboring rows"),
    ("neighbours", "neighbors"),
    ("centred", "centered"),
    ("the colour is the position", "the color is the position"),
    ("Dark colours", "Dark colors"),
    ("its period (positions)", "period of that helix (positions)"),
    ("that they explain of random rows", "variance of random rows that they explain"),
    ("position probe: R² on it", "position probe: R² on a held-out stretch"),
    ("it asks no network for anything", "it loads nothing from the network"),
    ("Refused: not learned absolute positions", "Not position tables"),
)

# What else 0.2 changed on purpose: sentences, and a public interface that has more names. Numbers, keys of documented
# formats, files and exit codes are not among these, so they are compared.
_WORDS = "sentences were rewritten in plain words; exit codes and numbers are compared elsewhere"
_NAMES = "0.2 has more public names: options records, results, an observer (docs/migration.md)"
_ACCEPTED = (
    *((path, _WORDS) for path in ("error", "text", "*/text", "*/why/*", "*/verdict", "*/verdict/*", "*/blocked/*")),
    *((path, _WORDS) for path in ("*/notes/*", "*/exact", "*/question", "*/evidence/*")),
    *((path, _WORDS) for path in ("files/*.html/words/*", "*/x_title", "*/y_title", "*/title", "*/reading")),
    *(
        (path, _NAMES)
        for path in ("value/all/*", "value/dir/*", "value/*/members/*", "value/*/parameters/*", "value/*/methods*")
    ),
    ("files/*.html/scripts/*", "the page's script says color, and axis titles have new words"),
    ("value/Observer/parameters", _NAMES),
    ("value/*/note", "American spelling"),
    ("value/*/family", "a preset carries its family"),
    ("value/*/length_aware", "extend_checkpoint does all that the command does, and its plan says so"),
    ("value/*/out", "extend_checkpoint does all that the command does, and its plan says so"),
    ("files/*/plots/cosine-*.png/sha256", "the title of the picture says centered"),
)
_UNKNOWN_OPTION = Accepted(
    "raised", "an unknown option is a wrong keyword, as in Python", "ArgumentTypeError", scenario="*modules-errors-12"
)

# Since 0.2.0 (CHANGELOG.md).
_INSPECTED = "inspect tells formulas, tables that no code reads, history and notes (docs/formats/inspect.md)"
_FORMULA = "a fixed sinusoid is read as the table that it is, since extend computes it at another size"
_TOGETHER = "a table that cannot be extended names the config field that it shares, since both change together"
_SUM = "what work is resumed from has a checksum"
_COPIES = "the state before the last one is kept, for the case that the last one is damaged"
_EVALUATE = "version 2 of evaluate's document: no fidelity without an original, which a copy's record may name"
_BASELINES = "evaluate measures more baselines, and leaves out a cell that is the same as another"
_TASKS = "tasks on real documents come first, and which documents are read is an option"
_OBJECTIVE = "version 2 of calibrate's document: the objective is an option; what version 1 had is hidden=1, knots=0"
_CHOICE = "language models also choose the next sentence among eight"
_UNIT = "vectors are read and made unit vectors as sentence-transformers does, which differs below 1e-7"
_REAL_START = "the start of --hidden 1 is chosen by real tasks, and eight steps from that one bring nothing"
_INTERVALS = "every interval comes from one function, whose sums are taken in another order"
_MASKED_START = "the first loss of a masked calibration is measured as the later ones"
_CHOSEN = "extend --data is judged by real tasks, or by a clear gain over a window, and these models pass neither"
_CHECKED = "the library that reads the copy loads it before it is put in place"
_PADDING = "a tokenizer's padding to a fixed length follows its truncation"
_KNOWN = ("kind", "usable_length", "refused")
_SINUSOIDS = {
    "*-whisper": (*_KNOWN, "fields*"),
    "*-vitmae": (*_KNOWN, "fields*", "prefix", "length", "grid*"),
    "*-sinusoid.safetensors": _KNOWN,
}
_COMPUTED = ("extend*-vitmae", "extend*-sinusoid.safetensors", "extend sinusoid.safetensors OUT --to 128")
_ADDED = (
    *(
        Added(f"*/{table}/{key}", _INSPECTED, scenario=scenario)
        for table, scenario in (("tables/*", "*inspect*"), ("*", "find-tables-*"))
        for key in ("formula", "unused")
    ),
    *(Added(f"json*/{key}", _INSPECTED, scenario="*inspect*") for key in ("notes*", "history*")),
    Added("*.previous/*", _COPIES),
    *(Added(f"files/*/{key}", _SUM) for key in ("setup.json/json/checksum", "result.json/json/checksum")),
    Added("files/*/result.json/json/table_sha256", _SUM),
    Added("files/*length_aware.safetensors/header/__metadata__/sha256", _SUM),
    Added("files/*/posembed.json/*", "a copy records what it was made from (docs/formats/history.md)"),
    Added("*/checked/*", _CHECKED),
    *(Added(f"*/{key}", _EVALUATE, scenario="*evaluate*") for key in ("notes*", "recorded_original")),
    *(Added(f"*/{key}*", _BASELINES, scenario="*evaluate*") for key in ("pooled", "recommendations", "shortage")),
    *(Added("*", _FORMULA, scenario=scenario) for scenario in _COMPUTED),
    Added("json/fields/*", _PADDING, scenario="minilm-plan"),
    Added("*/configuration/documents_from", _TASKS, scenario="*evaluate*"),
    *(Added(f"json/{key}*", _CHOICE, scenario="*evaluate*") for key in ("choices", "choice_gain")),
    *(Added(f"*json/configuration/{key}", _OBJECTIVE, scenario="*calibrate*") for key in ("hidden", "knots", "asked")),
)
_SINCE_0_2 = (
    *(
        Accepted(f"*/{key}", _FORMULA, scenario=command + source)
        for command in ("inspect", "find-tables")
        for source, keys in _SINUSOIDS.items()
        for key in keys
    ),
    *(Accepted("*/fields*", _TOGETHER, scenario=command + "*-beit") for command in ("inspect", "find-tables")),
    *(Accepted(path, _FORMULA, scenario=scenario) for path in ("exit", "files") for scenario in _COMPUTED),
    Accepted("exit", "a switch takes no value", scenario="inspect bert --json=1"),
    Accepted("exit", "a negative seed is refused", scenario="evaluate * --seed -1 *"),
    *(Accepted(f"*/{key}", _EVALUATE, scenario="*evaluate*") for key in ("schema_version", "fidelity")),
    *(Accepted(f"*/{key}/*", _BASELINES, scenario="*evaluate*") for key in ("cells", "comparisons", "verdict")),
    Accepted("*/comparisons", _BASELINES, text=r"^\[\]$", scenario="*evaluate*"),
    Accepted("json/configuration/tasks/*", _TASKS, scenario="*evaluate*"),
    Accepted("json/fidelity/cosine/*", _UNIT, scenario="*evaluate*"),
    *(Accepted(path, _REAL_START, scenario="calibrate-chosen-start") for path in ("exit", "printed", "files*")),
    *(
        Accepted(f"json/{measure}/*/{end}", _INTERVALS, scenario="*evaluate*")
        for measure in ("context_gain", "shuffled")
        for end in ("low", "high")
    ),
    Accepted("*json/schema_version", _OBJECTIVE, scenario="*calibrate*"),
    *(
        Accepted("*/fidelity/*", _EVALUATE, text="^<absent>$", scenario=scenario)
        for scenario in ("evaluate-some-tasks", "evaluate-bf16", "public-evaluate", "minilm-evaluate")
    ),
    Accepted("*", _CHOSEN, scenario="choose-*"),
    *(
        Accepted(f"*json/{key}", _MASKED_START, scenario=scenario)
        for key in ("curve/0/validation", "validation/start")
        for scenario in ("calibrate-masked", "calibrate-masked-text")
    ),
    *(
        Accepted(f"files/*/{name}/mode", "who may read a copy's weights may read the files added to it", text="0o600")
        for name in ("length_aware.safetensors", "calibration.json")
    ),
    *(Accepted(f"files/*/tokenizer.json/{key}", _PADDING, scenario="minilm-*") for key in ("sha256", "json/padding/*")),
    Accepted("files/*/pytorch_model.bin/sha256", "an archive of PyTorch keeps its layout; its tensors are compared"),
    *(
        Accepted(f"files/*.html/{key}", "the buttons of a page's charts are a list that the page carries")
        for key in ("tags", "number of tags")
    ),
    Accepted("value/notes", "a plan's notes name what stays at the old size", scenario="plan-*"),
    Accepted("order of keys", "arguments of 0.2 go by keyword", scenario="public-signatures"),
)

DELIBERATE = Deliberate(
    renamed=(Renamed("files/*.html/scripts/*/colour", "files/*.html/scripts/*/color", "American spelling in charts"),),
    reworded=(
        Reworded("posembed 0.1.0", "posembed 0.2.0", "the version, as printed and in the foot of a page"),
        *(Reworded(before, after, "plain words in inspect") for before, after in _INSPECT_WORDS),
    ),
    added=_ADDED,
    accepted=(
        *_SINCE_0_2,
        Accepted("files/*setup.json/json/posembed", "the version that began a comparison", r"0\.[12]\.0"),
        _UNKNOWN_OPTION,
        *(Accepted(path, reason) for path, reason in _ACCEPTED),
    ),
)
