"""The one clock. The demo and simulations may turn it; everybody else reads it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.functions import Now
from django.utils import timezone

_turned_by: ContextVar[timedelta] = ContextVar("turned_by", default=timedelta())


def now() -> datetime:
    """This machine's moment, aware, UTC. For what people see; leases go by `database_now`."""
    return timezone.now() + _turned_by.get()


def database_now(seconds: float = 0) -> "ExpressionWrapper[Any]":
    """The database's moment, moved by so many seconds: one clock for all worker machines.

    Note that inside one transaction PostgreSQL's moment stands still; Django's Now() takes the statement's.
    """
    return ExpressionWrapper(Now() + timedelta(seconds=seconds) + _turned_by.get(), output_field=DateTimeField())


@contextmanager
def turned_to(moment: datetime) -> Iterator[None]:
    """Let `moment` be now, and time go on from there, in this thread."""
    token = _turned_by.set(moment - timezone.now())
    try:
        yield
    finally:
        _turned_by.reset(token)
