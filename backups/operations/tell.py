"""Tell: mail each alarm once to the technical contacts of its app. A mail that fails is tried again, that is all."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Q

from environments import clock
from environments.choices import Role
from environments.models import App, Environment, Membership

from ..models import ToldAlarm
from .alarm import Alarm, alarms_of

PAGE = 500
AGAIN_AFTER = timedelta(minutes=15)
LONGEST_SECONDS = 120

log = logging.getLogger(__name__)


def tell_alarms(now: datetime | None = None) -> int:
    """Look at every environment, remember what is wrong, and mail what nobody was told yet; returns the mails sent.

    What is no longer wrong is forgotten: should it come back, it is told again.
    """
    now, sent, deadline = now or clock.now(), 0, time.monotonic() + LONGEST_SECONDS
    for page in _pages():
        for app, alarms in _untold(page, now).items():
            if time.monotonic() < deadline:
                sent += _tell(app, alarms, now)
    return sent


def _pages() -> Iterator[list[Environment]]:
    rows = Environment.objects.live().select_related("app", "region").order_by("pk")
    after = UUID(int=0)
    while page := list(rows.filter(pk__gt=after)[:PAGE]):
        yield page
        after = page[-1].pk


def _untold(page: list[Environment], now: datetime) -> dict[App, list[tuple[Alarm, ToldAlarm]]]:
    """The alarms of these environments that are still to be told, by app."""
    everything = alarms_of(page, now)
    _notice(page, everything)
    alarms = {(key, alarm.key): alarm for key, found in everything.items() for alarm in found}
    rows = ToldAlarm.objects.filter(environment__in=page)
    known = {(row.environment_id, row.key): row for row in rows}
    rows.filter(pk__in=[row.pk for key, row in known.items() if key not in alarms]).delete()
    ToldAlarm.objects.bulk_create(
        (ToldAlarm(environment_id=key[0], key=key[1], seen_at=now) for key in alarms.keys() - known.keys()),
        ignore_conflicts=True,
    )
    is_due = Q(tried_at=None) | Q(tried_at__lte=now - AGAIN_AFTER)
    untold: dict[App, list[tuple[Alarm, ToldAlarm]]] = defaultdict(list)
    for row in rows.filter(is_due, told_at=None).order_by("pk"):
        alarm = alarms[row.environment_id, row.key]
        untold[alarm.environment.app].append((alarm, row))
    return untold


def _notice(page: list[Environment], alarms: dict[UUID, list[Alarm]]) -> None:
    """Leave with each environment what its page is to say until that has looked itself."""
    for place in page:
        notices = [{"is_urgent": alarm.is_urgent, "sentence": alarm.sentence} for alarm in alarms[place.pk]]
        if notices != place.notices:
            Environment.objects.filter(pk=place.pk).update(notices=notices)


def _tell(app: App, found: list[tuple[Alarm, ToldAlarm]], now: datetime) -> int:
    """Send one mail about an app. Whoever else is at it at the same moment finds the rows taken."""
    taken = [(alarm, row) for alarm, row in found if _take(row, now)]
    recipients = contacts_of(app)
    if not taken or not recipients:
        return 0
    alarms = [alarm for alarm, _ in taken]
    try:
        send_mail(_subject(app, alarms), _body(alarms), None, recipients)
    except Exception as error:  # each mail backend has errors of its own
        log.warning("The alarms of %s could not be mailed; they are tried again: %s", app.slug, error)
        return 0
    ToldAlarm.objects.filter(pk__in=[row.pk for _, row in taken]).update(told_at=now)
    return 1


def _take(row: ToldAlarm, now: datetime) -> bool:
    return bool(ToldAlarm.objects.filter(pk=row.pk, told_at=None, tried_at=row.tried_at).update(tried_at=now))


def contacts_of(app: App) -> list[str]:
    """The addresses of an app's technical contacts."""
    members = Membership.objects.filter(app=app, role=Role.TECHNICAL_CONTACT, user__is_active=True)
    return sorted(set(members.exclude(user__email="").values_list("user__email", flat=True)))


def _subject(app: App, alarms: list[Alarm]) -> str:
    if len(alarms) == 1:
        return f"{app.name}, {alarms[0].environment.name}: {alarms[0].cause}"
    return f"{app.name}: {len(alarms)} alarms"


def _body(alarms: list[Alarm]) -> str:
    parts = [
        f"{alarm.environment}\n{alarm.sentence}\n{settings.BASE_URL}{alarm.environment.get_absolute_url()}"
        for alarm in alarms
    ]
    return "\n\n".join(parts) + "\n"
