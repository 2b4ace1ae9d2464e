"""What is looked at of an environment's database and files, by whoever knows how: registered from above, when Django is
ready."""

from collections.abc import Callable, Collection

from .models import Environment

Inspection = Callable[[Environment], list[str]]
"""Looks at an environment as it is about to be registered; returns remarks, raises RegistrationRefused."""

SessionCounter = Callable[[Environment], list[str]]
"""Names the app's sessions on the environment's database: application, person, address."""

DATABASE, FILES = "database", "files"

_inspections: list[tuple[str, Inspection]] = []
_counters: list[SessionCounter] = []


def register_inspection(inspection: Inspection, *, of: str) -> None:
    _inspections.append((of, inspection))


def register_session_counter(counter: SessionCounter) -> None:
    _counters.append(counter)


def inspect(environment: Environment, of: Collection[str] = (DATABASE, FILES)) -> list[str]:
    """Everything there is to remark about an environment, or about a part of it.

    Raises:
        RegistrationRefused: something does not fit; the sentence says what.
    """
    return [remark for part, look in _inspections if part in of for remark in look(environment)]


def sessions_in(environment: Environment) -> list[str]:
    """The sessions the app still has on its database."""
    return [session for count in _counters for session in count(environment)]
