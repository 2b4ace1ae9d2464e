"""A finding: one thing that doctor looked at."""

import re
from dataclasses import dataclass

GOOD, WARNING, MISSING = "good", "warning", "missing"
DATABASE_AWAY = "It could not be looked at, because the portal's database does not answer or is not migrated."

BREAK = re.compile(r"(?<=\.) (?=[A-Z])")
UNTOUCHED = ("Nothing was ", "What was being ")


@dataclass(frozen=True)
class Finding:
    """Good, a warning, or missing, with one sentence; where something is missing it says what to do."""

    about: str
    level: str
    sentence: str


def one_sentence(said: object) -> str:
    """What pages say in several: the fact and the way out; whether anything was touched, nobody asks here."""
    fact, *others = BREAK.split(str(said).strip())
    kept = [one[0].lower() + one[1:] for one in others if not one.startswith(UNTOUCHED)]
    return "; ".join([part.rstrip(".") for part in (fact, *kept)]) + "."


def first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
