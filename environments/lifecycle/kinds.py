"""The kinds of operations, and what performs each: registered from above, when Django is ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ..choices import Status
from ..models import Operation

if TYPE_CHECKING:
    from .attempt import Attempt

LONG = "long"
ANY_TITLE = "Another operation"


def nothing_left(operation: Operation, attempt: int) -> None:
    """For kinds whose dead attempts leave nothing behind."""


class Again(NamedTuple):
    """When a failed operation is tried again, and what its row says until then."""

    at: datetime
    phase: str


def never_again(operation: Operation) -> Again | None:
    """For kinds whose failures are final."""


@dataclass(frozen=True)
class Kind:
    """How operations of one kind run.

    perform: does the work of one attempt and returns the closing sentence; raises an error whose text is one.
    is_exclusive: excludes other exclusive operations of the same environment (specification §1, Busy).
    may_repeat: a lost or drained attempt is simply tried again; else it is recovered or Failed.
    recover: for kinds that must not be repeated blindly: brings a lost attempt (its number is given) to a whole end and
        returns how it ended and the closing sentence; must be safe to call again when it raises, and beats a `Lease`.
    sweep: removes what a dead attempt (its number is given) left behind; must be safe to call twice.
    after_failure: asked when an attempt failed by an error: whether and when it is tried again, on the same row.
    is_heavy: it reads a whole database: only so many of them run at one database server (Region.backups_at_once).
    is_quiet: its good end is no line of history, because nobody asked for it and nothing has changed.
    title: what it is to people: `A backup` (is under way in this environment since …).
    """

    name: str
    perform: Callable[[Attempt], str]
    is_exclusive: bool
    may_repeat: bool
    time_limit_seconds: int = 12 * 3600
    max_attempts: int = 3
    recover: Callable[[Operation, int], tuple[Status, str]] | None = None
    sweep: Callable[[Operation, int], None] = nothing_left
    after_failure: Callable[[Operation], Again | None] = never_again
    is_heavy: bool = False
    is_quiet: bool = False
    title: str = ANY_TITLE


Keeping = Callable[[], None]

_kinds: dict[str, Kind] = {}
_keepings: list[Keeping] = []


def register(kind: Kind) -> None:
    """Say what performs operations of a kind. Called from each app's `kinds.py` when Django is ready."""
    _kinds[kind.name] = kind


def register_keeping(keeping: Keeping) -> None:
    """Say what every pass of the reaper keeps in order besides operations; it must be quick and safe to call twice."""
    _keepings.append(keeping)


def keepings() -> list[Keeping]:
    return _keepings


def kind_of(name: str) -> Kind:
    """The kind of this name.

    Raises:
        KeyError: nobody registered it: a worker of an older version met a newer operation.
    """
    return _kinds[name]


def all_kinds() -> list[Kind]:
    return list(_kinds.values())


def is_known(name: str) -> bool:
    return name in _kinds


def title_of(name: str) -> str:
    """What this kind is to people, also where nobody knows it any more."""
    return _kinds[name].title if name in _kinds else ANY_TITLE
