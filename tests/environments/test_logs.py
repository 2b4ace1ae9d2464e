"""Log lines for machines: one object a line, whatever is said, with the operation that said it."""

import json
import logging
import sys

from environments.logs import JsonLines, belonging_to


def line(message: str, *words: object, exc_info: object = None) -> dict[str, str | None]:
    record = logging.LogRecord("portal.x", logging.WARNING, "x.py", 1, message, words, exc_info)  # type: ignore[arg-type]
    written = JsonLines().format(record)
    assert "\n" not in written
    found: dict[str, str | None] = json.loads(written)
    return found


def test_a_line_is_one_object() -> None:
    said = line("It broke:\n%s", 'a "quoted" word — 漢字')

    assert said["message"] == 'It broke:\na "quoted" word — 漢字'
    assert (said["level"], said["logger"], said["operation"]) == ("WARNING", "portal.x", None)
    assert str(said["at"]).endswith("Z")


def test_it_names_the_operation_it_belongs_to() -> None:
    with belonging_to("4f0c"):
        inside = line("Something.")

    assert (inside["operation"], line("Something.")["operation"]) == ("4f0c", None)


def test_a_traceback_stays_on_its_line() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        said = line("It failed.", exc_info=sys.exc_info())

    assert "ValueError: no" in str(said["traceback"])
