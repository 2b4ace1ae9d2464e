"""What is done by the clock: registered from above, when Django is ready; the doorbell sees that it is rung for."""

from dataclasses import dataclass
from datetime import time


@dataclass(frozen=True)
class Schedule:
    """A task, by its dotted name, that asks for work and returns: every so many minutes, or once a day at a UTC time.

    It runs in the short queue, may be late, and may run twice: it must make nothing twice.
    """

    name: str
    task: str
    minutes: int = 0
    at: time | None = None


_schedules: dict[str, Schedule] = {}


def register_schedule(schedule: Schedule) -> None:
    _schedules[schedule.name] = schedule


def schedules() -> list[Schedule]:
    return list(_schedules.values())
