"""What is looked at of an environment's database, by whoever knows how: registered from above, when Django is ready."""

from collections.abc import Callable

from .models import Environment

Inspection = Callable[[Environment], list[str]]
"""Looks at an environment as it is about to be registered; returns remarks, raises RegistrationRefused."""

SessionCounter = Callable[[Environment], list[str]]
"""Names the app's sessions on the environment's database: application, person, address."""

_inspections: list[Inspection] = []
_counters: list[SessionCounter] = []


def register_inspection(inspection: Inspection) -> None:
    _inspections.append(inspection)


def register_session_counter(counter: SessionCounter) -> None:
    _counters.append(counter)


def inspect(environment: Environment) -> list[str]:
    """Everything there is to remark about an environment.

    Raises:
        RegistrationRefused: something does not fit; the sentence says what.
    """
    return [remark for look in _inspections for remark in look(environment)]


def sessions_in(environment: Environment) -> list[str]:
    """The sessions the app still has on its database."""
    return [session for count in _counters for session in count(environment)]
