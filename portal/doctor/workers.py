"""The workers on all machines: whether they are there for every queue, and run with what this machine runs with."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError

from environments.lifecycle.crews import SeenCrew, crews
from environments.lifecycle.kinds import LONG
from environments.lifecycle.signs import NO_ANSWER, NO_REAPER, PORTAL, worker_health
from environments.models import Environment

from ..own import CODE, CODE_AT, KEYS, UPLOADS, own_facts
from .finding import DATABASE_AWAY, GOOD, MISSING, WARNING, Finding
from .rows import WRONG_BY_SECONDS, clock_sentence

DIFFERENT = {
    CODE: "run other code than this machine; restart them, or bring the machine to the same version",
    KEYS: "have other keys; give every machine the same PORTAL_SECRET_KEY and PORTAL_SECRETS_KEYS",
    UPLOADS: "do not share PORTAL_DATA_DIR/uploads with this machine; mount the same folder on both",
}


def look_at_workers() -> Iterator[Finding]:
    about = "Workers"
    try:
        health, seen = worker_health(), crews()
        unserved = _unserved(seen) if seen else {}
        own = own_facts(())
    except DatabaseError:
        yield Finding(about, WARNING, DATABASE_AWAY)
        return
    said = [*map(repr, unserved), *[NO_ANSWER] * (PORTAL in unserved)]
    problems = [one for one in health.problems if not any(words in one for words in said)]
    if NO_REAPER in problems:  # what waits and what was lost follows from that
        problems = [NO_REAPER]
    for queue, whose in unserved.items():
        option = "" if queue in (PORTAL, LONG) else f" --queue {queue}"
        problems.append(f"No worker serves the queue {queue}{whose}; start manage.py work{option} there.")
    for crew in seen:
        who = f"The workers on {crew.host}"
        differing = [fact for fact in DIFFERENT if own[fact] and crew.facts.get(fact) != own[fact]]
        problems += [f"{who} {_code_in_words(crew, own) if fact == CODE else DIFFERENT[fact]}." for fact in differing]
        if abs(crew.clock_wrong) > WRONG_BY_SECONDS:
            problems.append(clock_sentence(crew.host, crew.clock_wrong))
    if health.is_alive:
        yield Finding(about, GOOD, f"{health}.")
    yield from (Finding(about, MISSING, problem) for problem in problems)


def _code_in_words(crew: SeenCrew, own: dict[str, Any]) -> str:
    """Which is older, where that is known: of one machine's what it took up first; of two, when each got its own."""
    theirs, ours = crew.facts.get(CODE_AT), own[CODE_AT]
    if theirs is None or theirs == ours:
        return DIFFERENT[CODE]
    if crew.is_here and theirs < ours:
        return f"still run the code that lay here before {_minute(ours)}; restart them"
    return (
        f"run other code than this machine, which got its own at {_minute(ours)} and they theirs at {_minute(theirs)}; "
        "restart them, or bring the older one to the same version"
    )


def _minute(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def _unserved(seen: list[SeenCrew]) -> dict[str, str]:
    """The queues that somebody needs and no crew serves, with whose they are."""
    wanted = {PORTAL: ", which carries nights and signs of life"}
    regions = Environment.objects.live().order_by("region__name").values_list("region__queue", "region__name")
    for queue, name in regions.distinct():
        wanted.setdefault(queue or LONG, f" of the region {name}")
    served = {queue for crew in seen for queue in crew.queues}
    return {queue: whose for queue, whose in wanted.items() if queue not in served}
