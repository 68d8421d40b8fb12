"""What differs between two runs of one program, by name and with the reason: the only table of this kind.

The names of temporary folders are replaced as they are recorded, by ``digest.without_folders``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mask:
    """A value that is not compared; that it is there is.

    Attributes:
        path: of the value within a scenario's record; ``*`` stands for anything, ``/`` included.
        reason: why it differs.
        text: where given, only what matches this regular expression is masked within the value, a text.
        scenario: the names of the scenarios that are meant.
    """

    path: str
    reason: str
    text: str = ""
    scenario: str = "*"


_CLOCK = "a clock was read"
_HOLDS = "the file holds readings of a clock, or the time of writing; its content is compared value by value"

MASKS: tuple[Mask, ...] = (
    Mask("*/created", "the time of writing"),
    Mask("*/environment/*", "versions and hardware, which are the machine's"),
    Mask("*/seconds", _CLOCK),
    Mask("*/query_ms", _CLOCK),
    Mask("*/tokens_per_second", _CLOCK),
    Mask("*/peak_memory_bytes", "memory of the whole process, which the operating system decides"),
    Mask("files/*/calibration.json/sha256", _HOLDS),
    Mask("files/*/results.json/sha256", _HOLDS),
    Mask("files/*/result.json/sha256", _HOLDS),
    Mask("files/*/report.md/sha256", _HOLDS),
    Mask("files/*.html/sha256", "the page is compared by its words, tags and scripts, so that differences can be read"),
    Mask("files/*/configuration.json/sha256", "it holds the absolute path of the data"),
    Mask("files/*/setup.json/sha256", "it holds the absolute path of the data"),
    Mask("files/*/log.txt/*", "what libraries warned of; no interface"),
    Mask("files/*/checkpoint.pt/*", "a state of work under way: that it can be gone on with is a scenario of its own"),
    Mask("files/*.calibrating/*", "a state of work under way: that it can be gone on with is a scenario of its own"),
    Mask(
        "files/*length_aware.safetensors/sha256",
        "the library that writes it orders the metadata by chance; they and the numbers are compared by themselves",
    ),
    Mask("text", "a clock was read, and the memory of the process", text=r"[\d,.]+ (s\b|GiB)", scenario="*calibrate*"),
    Mask("text", _CLOCK, text=r"(?m)│ +[\d.,]+ +│ +[\d,]+ +│$", scenario="compare*"),
    Mask("text", _CLOCK, text=r"(?m)│ +[\d.,]+ +│$", scenario="*evaluate*"),
    Mask("files/*/report.md/text", _CLOCK, text=r"(?m)\| [\d.,]+ \| [\d,]+ \|$"),
    Mask(
        "files/*/report.html/words/*", "some are readings of a clock; results.json has all of them", text=r"^[\d,.]+$"
    ),
    Mask("error", _CLOCK, text=r"[\d.]+ (s|minutes)\b", scenario="calibrate-*-no-minutes"),
    Mask("error", "how far the work was when the signal came", text=r"step \d+"),
)
