"""A day on PostgreSQL, Redis and S3 with two workers, each killed and started again: nothing is lost or stuck."""

import os
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.backups.uploaded import dump_of
from tests.stores.vaults import SECRET

from .day import Day
from .house import WORKERS, House
from .places import make_place, word_of

SEED = int(os.environ.get("PORTAL_TEST_SEED") or 1)
SECRETS = [SECRET, *map(word_of, ("portal", "redis", "live", "acceptance", "test", "live_keeper", "test_keeper"))]
RUNNING = ("live", "acceptance")
DAYS = 5 if os.environ.get("PORTAL_TEST_KILLS") else 1


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path, Path(settings.DATA_DIR).parent / "a-day") as made:
        made.settle("live", "acceptance", "test")
        for name in WORKERS:
            made.start_workers(name)
        yield made


@pytest.fixture
def brought(house: House, tmp_path: Path) -> tuple[Path, Path, str]:
    """A dump and an archive, and what a place holds that they were put into."""
    like = make_place(house.postgres, "brought", tmp_path / "elsewhere")
    like.change("brought")
    dump, archive = tmp_path / "brought.backup", tmp_path / "brought.tar.gz"
    dump.write_bytes(dump_of(like.address))
    with tarfile.open(archive, "w:gz") as file:
        file.add(like.files, ".")
    return dump, archive, like.holds()


def test_nothing_is_lost_and_nothing_is_stuck(
    house: House, brought: tuple[Path, Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    for order in [house.order("start_app", house.places[slug].name) for slug in RUNNING]:
        order.done()
    day = Day(house, random.Random(SEED), brought)

    for number in range(DAYS):
        day.play(number)
        day.check()

    assert house.running == set(RUNNING)
    assert house.leftovers() == []
    assert not [word for word in SECRETS if word in house.log]
    with capsys.disabled():
        print(f"\nseed {SEED}: killed {', '.join(day.struck)}; the slowest operation took {day.slowest:.0f} s.")
