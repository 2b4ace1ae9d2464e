"""A day in the life: what people ask for from morning to evening, while workers, Redis and the S3 server are killed."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from . import looks
from .house import House
from .orders import WITHIN_SECONDS, Order, Said
from .places import Place

OUTAGE_SECONDS = (0.3, 0.9)
MOST_TIMES = 6
DAY_SECONDS = 25 * 3600
SAVING = ("Saving the database", "Saving the uploaded files", "Reading it back")
RESTORING = (
    "Reading the database's dump",
    "Loading the database beside the live one",
    "Unpacking the uploaded files",
    "Stopping the app",
    "Exchanging the data",
    "Starting the app",
)
AWAY = ("cannot be reached", "was removed from the vault while it was written", "The worker was lost")


class Day:
    """`chance` says who dies when; `brought`: a dump, an archive, and what a place holds that they were put into."""

    def __init__(self, house: House, chance: random.Random, brought: tuple[Path, Path, str]) -> None:
        self.house, self.chance, self.brought = house, chance, brought
        self.places = house.places
        self.expected = {slug: place.holds() for slug, place in self.places.items()}
        self.backups = dict.fromkeys(self.places, 0)
        self.struck: list[str] = []
        self.failed = 0

    def play(self, number: int) -> None:
        self.morning(f"morning{number}")
        self.noon(f"noon{number}")
        self.afternoon(f"afternoon{number}")
        self.evening()

    # The S3 server dies in the middle of a backup.

    def morning(self, word: str) -> None:
        for _ in range(MOST_TIMES):
            self._change(word)
            orders = {slug: self._create(place) for slug, place in self.places.items()}
            phase = self.chance.choice(SAVING)
            is_hit = self._strike("S3", "create", phase, self.house.kill_store, *orders.values())
            if is_hit:
                self._outage()
                self.house.store.start()
            for slug, order in orders.items():
                self._see_created(self.places[slug], order.said())
            if is_hit:
                return
        raise AssertionError("The backups were too quick for whoever kills the store.")

    # Redis dies with what waits in it; people and the night go on asking.

    def noon(self, word: str) -> None:
        self._change(word)
        first, second, *_ = self.places.values()
        order = self._create(first)
        assert self._strike("Redis", "create", "", self.house.kill_redis, order)
        night = self.house.order("nightly_backups")
        asked = self.house.order("create_backup", second.name)
        for one in (night, asked):
            one.done()
        self.backups[second.slug] += 1
        for slug in self.places:
            self.backups[slug] += night.done().count(f" {self.places[slug].name} ")
        self._outage()
        self.house.redis.start()
        self._see_created(first, order.said())
        self.house.hurry()
        self.house.wait_for_all()

    # A machine dies in the middle of a restore; the other one goes on.

    def afternoon(self, word: str) -> None:
        live, acceptance, test = self.places.values()
        backed_up, was = self.expected[live.slug], self.expected[test.slug]
        upload = self._upload(test)
        for turn in range(MOST_TIMES):
            self._change(f"{word}-{turn}", acceptance, live)
            old, order = self.expected[acceptance.slug], self._restore(live, acceptance)
            is_hit = self._strike("worker", "restore", self.chance.choice(RESTORING), self.house.kill_workers, order)
            if is_hit:
                self._outage()
                self.house.revive_workers()
            if not self._see_exchanged(acceptance, order, old, backed_up):
                self._see_exchanged(acceptance, self._restore(live, acceptance), old, backed_up, is_sure=True)
            if is_hit:
                break
        assert is_hit, "The restores were too quick for whoever kills the worker."
        if not self._see_exchanged(test, upload, was, self.brought[2]):
            self._see_exchanged(test, self._upload(test), was, self.brought[2], is_sure=True)
        self.house.order("undo", acceptance.name, "--wait").done()
        self.expected[acceptance.slug] = old

    # Everything is read, something is deleted, what has expired goes; while the store is away nothing is removed.

    def evening(self) -> None:
        live = next(iter(self.places.values()))
        for place in self.places.values():
            self._see_created(place, self._create(place).said())
        oldest = [one["id"] for one in self._list(live) if one["status"] == "Completed"][-1]
        self.house.order("delete_backup", oldest, "--confirm", live.name).done()
        self.backups[live.slug] -= 1
        self.house.store.stop()
        said = self.house.order("prune_backups").said()
        assert said.code == 1
        assert "cannot be reached" in said.err
        alarms = self.house.tell(looks.ALARMS)
        assert f"{live.name}: expired backups not removed" in alarms
        assert "cannot be reached" in alarms
        self.house.store.start()
        later = (datetime.now(tz=UTC) + timedelta(days=20)).isoformat()
        prune = ("prune_backups", "--force", "--now", later)
        planned, done = self.house.clerk.found(*prune, "--dry-run"), self.house.clerk.found(*prune)
        for plan, report in zip(planned, done, strict=True):
            assert report["backups"] == plan["backups"]
            gone = sum(one["outcome"] == "removed" for one in report["backups"])
            self.backups[report["environment"].partition("/")[2]] -= gone
        for days in (1, 2):  # what packs that are rewritten on the first leave goes on the second
            self.house.order("prune_backups", turned=days * DAY_SECONDS).done()

    def check(self) -> None:
        """Everything that must be true at the end of a day."""
        self.house.wait_for_all()
        for slug, place in self.places.items():
            assert place.holds() == self.expected[slug], slug
            assert not place.mixtures, place.mixtures
            listed = self._list(place)
            assert len(listed) == self.backups[slug], listed
        self._verify_all()
        for code in (looks.ALARMS, looks.REMAINS):
            assert self.house.tell(code) == ""
        assert self.house.rows(looks.FAILED) == [(self.failed,)]
        [(self.slowest,)] = self.house.rows(looks.SLOWEST)

    # What people ask for

    def _create(self, place: Place) -> Order:
        self.backups[place.slug] += 1
        return self.house.order("create_backup", place.name, "--wait")

    def _see_created(self, place: Place, said: Said) -> None:
        """It was made, or it says what was in the way, and is made when it is asked for again."""
        if said.code:
            assert any(words in said.err for words in AWAY), said.err
            self.failed += 1
            self._create(place).done()

    def _restore(self, source: Place, into: Place) -> Order:
        return self.house.order("restore_backup", f"{source.name}/latest", "--to", into.name, "--stop-app", "--wait")

    def _upload(self, into: Place) -> Order:
        dump, archive, _ = self.brought
        given = ("--database", str(dump), "--files", str(archive))
        return self.house.order("upload_data", into.name, "--confirm", into.name, *given, "--wait")

    def _see_exchanged(self, place: Place, order: Order, old: str, new: str, *, is_sure: bool = False) -> bool:
        """Everything was put there, or nothing, as is said."""
        said = order.said()
        is_there = said.code == 0 or "holds the new data" in said.err
        assert is_there or (not is_sure and "The worker was lost" in said.err), said.err
        self.failed += said.code != 0
        self.expected[place.slug] = new if is_there else old
        assert place.holds() == self.expected[place.slug], said
        return is_there

    def _list(self, place: Place) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.house.clerk.found("list_backups", place.name)
        return found

    def _verify_all(self) -> None:
        """As the hour asks for it, whenever each was verified last."""
        self.house.portal.execute("UPDATE backups_backup SET verified_at = NULL")
        self.house.tell(looks.VERIFY)
        self.house.hurry()
        self.house.wait_for_all()
        listed = [one for place in self.places.values() for one in self._list(place) if one["status"] == "Completed"]
        assert {one["condition"] for one in listed} == {"good"}, listed

    def _change(self, word: str, *places: Place) -> None:
        for place in places or self.places.values():
            place.change(f"{place.slug}-{word}")
            self.expected[place.slug] = place.holds()

    # Who dies

    def _strike(self, victim: str, kind: str, phase: str, kill: Callable[[str], None], *orders: Order) -> bool:
        """Kill while an operation of this kind is at this phase. False: all had ended before."""
        running = "SELECT owner, phase FROM environments_operation WHERE kind = %s AND status = 'Running'"
        deadline = time.monotonic() + WITHIN_SECONDS
        while not all(order.has_ended for order in orders):
            assert time.monotonic() < deadline, f"No {kind} came to {phase!r} in time."
            if self.house.rows(f"{running} AND strpos(phase, %s) > 0", kind, phase):
                time.sleep(self.chance.uniform(0, 0.05))
                for owner, now in self.house.rows(running, kind)[:1]:
                    kill(owner)
                    self.struck.append(f"{victim} at {now or 'the beginning'!r} of a {kind}")
                    return True
            time.sleep(0.005)
        return False

    def _outage(self) -> None:
        time.sleep(self.chance.uniform(*OUTAGE_SECONDS))
