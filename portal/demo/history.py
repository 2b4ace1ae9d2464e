"""A history that was really made: past days with the clock turned back, and the real operation for every backup."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

import psycopg
from django.contrib.auth.models import User
from django.db import transaction

from backups.models import Backup
from backups.operations.create import request_create
from backups.operations.deploy import deployed_in
from backups.operations.package import register_package
from backups.operations.prune import request_prune
from backups.policy import retention
from backups.policy.nightly import NIGHTS_SHOWN, slots_between
from environments import clock
from environments.actors import NIGHTLY, PORTAL, Actor
from environments.choices import Status
from environments.lifecycle.run import run_here
from environments.models import Environment

from . import orders, pictures
from .failures import DemoFailed
from .people import BEN, INES, Person
from .places import ACCEPTANCE, LIVE, TEST, Ground

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Deployment:
    days_ago: int
    model_version: str
    modeler_version: str
    by: Person = INES


@dataclass(frozen=True)
class Asked:
    """A backup that a person asked for. Without its files it fails, as it would on a lost mount."""

    days_ago: int
    hour: int
    by: Person
    comment: str
    is_without_files: bool = False


DEPLOYMENTS = {
    LIVE: (
        Deployment(360, "1.2.0.64", "10.12.2"),
        Deployment(205, "1.3.0.81", "10.12.2"),
        Deployment(88, "1.4.0.102", "10.18.3"),
        Deployment(19, "1.4.2.118", "10.18.3"),
        Deployment(3, "1.4.3.121", "10.18.3"),
    ),
    ACCEPTANCE: (
        Deployment(75, "1.4.0.102", "10.18.3"),
        Deployment(26, "1.4.2.118", "10.18.3"),
        Deployment(9, "1.4.3.121", "10.18.3"),
        Deployment(4, "1.5.0.127", "10.24.1", BEN),
    ),
    TEST: (
        Deployment(23, "1.4.3.121", "10.18.3", BEN),
        Deployment(8, "1.5.0.127", "10.24.1", BEN),
        Deployment(1, "1.5.1.131", "10.24.1", BEN),
    ),
}
ASKED = {
    LIVE: (
        Asked(3, 8, INES, "Before model 1.4.3.121 goes live"),
        Asked(8, 15, BEN, "State of the shelf count, for the auditors"),
        Asked(12, 9, INES, "Before the new price list"),
    ),
    ACCEPTANCE: (
        Asked(4, 7, BEN, "Before model 1.5.0.127"),
        Asked(6, 13, BEN, "Before the test of the price import", is_without_files=True),
        Asked(6, 14, BEN, "Before the test of the price import, now with its files mounted again"),
    ),
    TEST: (Asked(2, 10, BEN, "Good data for the demonstration on Friday"),),
}
Step = tuple[datetime, Callable[[], None]]


class History:
    """One environment's past. Making it again goes on where it was left."""

    def __init__(self, ground: Ground, environment: Environment) -> None:
        self.ground, self.place, self.environment = ground, ground.place, environment
        self.now = clock.now().replace(microsecond=0)
        self.begins_at = self.now - self.place.history
        self.days_done = self._days_done()

    def make(self) -> None:
        """Live through the days in order, and write down what happened."""
        Environment.objects.filter(pk=self.environment.pk).update(created_at=self.begins_at)
        with orders.connected(self.ground.connection) as connection:
            orders.make_tables(connection)
        done_until = self._done_until()
        for moment, step in sorted(self._steps(), key=lambda one: one[0]):
            if done_until is None or moment > done_until:
                with clock.turned_to(moment):
                    self._live_until(moment)
                    step()
        self._live_until(self.now)
        run_here(request_prune(self.environment, by=PORTAL, is_rung=False))
        self.ground.model_file.write_text(DEPLOYMENTS[self.place][-1].model_version)

    def _done_until(self) -> datetime | None:
        newest = Backup.objects.filter(environment=self.environment).newest_first().first()
        return newest.created_at if newest else None

    def _steps(self) -> Iterator[Step]:
        for deployment in DEPLOYMENTS[self.place]:
            yield self._at(deployment.days_ago, 6), partial(self._deploy, deployment)
        for asked in ASKED[self.place]:
            yield self._at(asked.days_ago, asked.hour), partial(self._back_up_for, asked)
        for slot in kept_slots(self.environment, self.begins_at, self.now):
            yield slot, partial(self._back_up_at_night, slot)

    def _at(self, days_ago: int, hour: int) -> datetime:
        return (self.now - days_ago * DAY).replace(hour=hour, minute=7 * days_ago % 60, second=0)

    # What happens

    def _deploy(self, deployment: Deployment) -> None:
        """As it was done then: the package with its file, and the line in the environment's history."""
        by, app = actor(deployment.by), self.environment.app
        versions = {"model_version": deployment.model_version, "modeler_version": deployment.modeler_version}
        content = json.dumps({"app": app.name, **versions}, indent=2)
        package = register_package(
            app,
            **versions,
            file=io.BytesIO(content.encode()),
            filename=f"{app.slug}-{deployment.model_version}.json",
            by=by,
        )
        with transaction.atomic():
            deployed_in(self.environment, package, by=by)

    def _back_up_at_night(self, slot: datetime) -> None:
        backup = request_create(self.environment, by=NIGHTLY, at=slot, slot_at=slot, is_rung=False)
        _make(backup)

    def _back_up_for(self, asked: Asked) -> None:
        backup = request_create(self.environment, by=actor(asked.by), comment=asked.comment, is_rung=False)
        if not asked.is_without_files:
            _make(backup)
            return
        away = self.ground.files.rename(self.ground.files.with_name("files-away"))
        try:
            run_here(backup.operation)
        finally:
            away.rename(self.ground.files)

    # Business

    def _days_done(self) -> int:
        """How many days of business the app's database holds already."""
        with orders.connected(self.ground.connection) as connection:
            orders.make_tables(connection)
            row = connection.execute("SELECT max(placed_at) FROM orders").fetchone()
        newest = row[0] if row else None
        return (newest.date() - self.begins_at.date()).days + 1 if newest else 0

    def _live_until(self, moment: datetime) -> None:
        with orders.connected(self.ground.connection) as connection:
            while (day := self.begins_at + self.days_done * DAY).date() < moment.date():
                self._live_one_day(connection, day, Random(f"{self.place.slug} {self.days_done}"))
                self.days_done += 1

    def _live_one_day(self, connection: psycopg.Connection, day: datetime, random: Random) -> None:
        busy = 0.4 if day.isoweekday() > 5 else random.uniform(0.8, 1.3)
        orders.add_business(connection, random, orders=round(self.place.orders_a_day * busy), at=day.astimezone(UTC))
        number = self.days_done
        if number % (max(1, self.place.history.days // self.place.pictures)) == 0:
            draw(self.ground, number, random)
        if number % 40 == 39 and (found := orders.pictures_in(self.ground.files)):
            (self.ground.files / found[-1]).unlink()


def kept_slots(environment: Environment, since: datetime, now: datetime) -> list[datetime]:
    """The nightly slots whose backups the schedule still keeps, and all that the strip of the last nights shows."""
    start = environment.region.starts.get(cloud_version=environment.cloud_version)
    shown = now - timedelta(days=NIGHTS_SHOWN + 1)
    slots = slots_between(since, now, start.starts_at)
    return [slot for slot in slots if slot > shown or retention.expires_at(slot, retention.rule_for(slot.date())) > now]


def _make(backup: Backup) -> None:
    """Here and now, as far as the turned clock is concerned. Raises: DemoFailed"""
    ended = run_here(backup.operation)
    if ended.status != Status.COMPLETED:
        raise DemoFailed(f"A backup of the history failed: {ended.message}")


def draw(ground: Ground, number: int, random: Random) -> None:
    """One more picture among the uploaded files."""
    if random.random() < 0.25:
        orders.keep_picture(ground.files, f"label {number:03}.svg", pictures.draw_svg(number))
    else:
        orders.keep_picture(ground.files, f"photo {number:03}.png", pictures.draw_png(number))


def actor(person: Person) -> Actor:
    return Actor.person(User.objects.get(username=person.username))
