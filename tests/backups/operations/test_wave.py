"""The night of many environments on 20 database servers in three regions; `make bench` plays it with 1,000."""

import json
import subprocess
import sys

import pytest

from environments.choices import Status
from environments.models import Operation
from portal.config import ROOT

pytestmark = pytest.mark.django_db(transaction=True)
PLACES, WORKERS, PEOPLE, LONGEST = 60, 2, 9, 120


def test_it_ends_in_time_never_asks_too_much_of_a_server_and_lets_people_go_first(
    process_environ: dict[str, str],
) -> None:
    command = [sys.executable, "-m", "tests.backups.operations.wave", str(PLACES), str(WORKERS)]
    done = subprocess.run(command, env=process_environ, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)

    assert set(Operation.objects.values_list("status", "attempt")) == {(Status.COMPLETED, 1)}
    assert Operation.objects.count() == PLACES + PEOPLE
    assert (seen["at once"], seen["nights at once"]) == (2, 1)
    assert seen["nights before people"] == 0
    assert seen["people waited seconds"] <= LONGEST  # until the next worker is free
    assert seen["alarms"] == 0
    for window in seen["windows"].values():
        assert window["seconds"] <= window["fewest"] * 1.1 + LONGEST
    # As many of them for each, however many wait.
    assert (seen["queries a claim"], seen["queries an end"], seen["queries a ring"]) <= (11, 3, 5)
