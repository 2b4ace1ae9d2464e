"""Real workers on a real Redis, which keeps no receipts: what is killed, emptied or down loses messages, never work."""

import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from environments.choices import Status
from environments.lifecycle.doorbell import ring
from environments.lifecycle.periods import in_seconds
from environments.lifecycle.signs import PORTAL, sign_ages
from environments.lifecycle.waiting import PROTOCOL
from environments.models import Environment, Operation, Region
from tests.factories import EnvironmentFactory
from tests.redis_server import RedisServer
from tests.workers import Workers, eventually, offspring_of

from .conftest import Asking, fresh
from .test_workers import has_begun, owner_of

Start = Callable[..., Workers]
SHORT_LEASE = {"PORTAL_TEST_PACE": "0.05"}  # three seconds


@pytest.fixture
def start(start_workers: Start, redis_queue: RedisServer) -> Start:
    """Starts workers on this Redis."""

    def start(*arguments: str, **options: object) -> Workers:
        return start_workers(*arguments, **{"REDIS_URL": redis_queue.url, **options})

    return start


def ring_is_due() -> None:
    """A minute later: what waits is rung for again."""
    Operation.objects.filter(status=Status.QUEUED).update(ring_at=in_seconds(-1))


def kill(workers: Workers) -> None:
    """All of them at one instant, as when a machine is gone."""
    crew = [workers.pid, *offspring_of(workers.pid)]
    for number in (signal.SIGSTOP, signal.SIGKILL):  # nobody learns of another's end
        for pid in crew:
            os.kill(pid, number)


def is_done(operation: Operation) -> bool:
    return fresh(operation).status == Status.COMPLETED


def ends_of(ask: Asking) -> list[str]:
    return [line for line in ask.lines if line.startswith("ended")]


def ran_once(ask: Asking, number: int) -> bool:
    return sorted(ask.lines) == ["began 1"] * number + ["ended 1"] * number


def test_a_machine_that_is_gone_loses_nothing_and_nothing_is_done_twice(
    start: Start, redis_queue: RedisServer, ask: Asking
) -> None:
    near = Region.objects.create(slug="near", name="Near", zone="Europe/Berlin", queue="long-europe")
    gone = start("--queue", "long-europe", waits=False, PORTAL_TEST_PACE="1")
    places = [EnvironmentFactory(region=near) for _ in range(7)]
    operations = [ask("slow", place) for place in places]
    # Two run, two are pulled and will be lost with it, the others wait in Redis.
    eventually(lambda: ask.lines == ["began 1"] * 2 and redis_queue.waiting("long-europe") == 3)

    kill(gone)
    Operation.objects.filter(status=Status.RUNNING).update(lease_until=in_seconds(-1))  # a minute later
    ask.open_gate()
    ring_is_due()
    start("--queue", "long-europe", "--queue", PORTAL, **SHORT_LEASE)

    eventually(lambda: all(is_done(one) for one in operations))
    assert sum(one.attempt > 1 for one in operations) >= 2  # those that ran; on a busy machine others, too
    assert len(ends_of(ask)) == 7


def test_many_messages_to_two_machines_are_one_run_and_when_one_is_gone_the_other_takes_over(
    start: Start, redis_queue: RedisServer, ask: Asking
) -> None:
    both = [start(**SHORT_LEASE), start("--queue", "long", waits=False, **SHORT_LEASE)]
    operation = ask("slow")
    for _ in range(6):
        ring(operation)
    eventually(lambda: has_begun(operation, ask))
    eventually(lambda: redis_queue.waiting("long") == 0)
    assert ask.lines == ["began 1"]
    gone = next(one for one in both if owner_of(operation) in offspring_of(one.pid))

    kill(gone)

    eventually(lambda: has_begun(operation, ask, attempt=2))
    ask.open_gate()
    eventually(lambda: is_done(operation))
    assert len(ends_of(ask)) == 1


def test_each_region_is_served_by_its_own_workers(start: Start, redis_queue: RedisServer, ask: Asking) -> None:
    asia = Region.objects.create(slug="asia", name="Asia", zone="Asia/Tokyo", queue="long-asia")
    workers = {queue: start("--queue", queue, waits=False) for queue in ("long", "long-asia")}
    near, far = ask("slow"), ask("slow", EnvironmentFactory(region=asia))

    eventually(lambda: has_begun(near, ask) and fresh(far).status == Status.RUNNING)

    owners = {queue: offspring_of(one.pid) for queue, one in workers.items()}
    assert owner_of(near) in owners["long"]
    assert owner_of(far) in owners["long-asia"]
    assert PORTAL not in sign_ages()  # asked for by both, served by neither
    assert redis_queue.waiting(PORTAL) >= 1
    ask.open_gate()
    eventually(lambda: is_done(near) and is_done(far))


def test_an_emptied_redis_is_rung_again(start: Start, redis_queue: RedisServer, ask: Asking) -> None:
    operations = [ask("quick", EnvironmentFactory()) for _ in range(3)]
    assert redis_queue.waiting("long") == 3
    redis_queue.client.flushall()
    ring_is_due()

    start("--queue", "long", waits=False)

    eventually(lambda: all(is_done(one) for one in operations))
    assert ran_once(ask, 3)


def test_a_restarted_redis_is_found_again_and_what_ran_meanwhile_is_not_disturbed(
    start: Start, redis_queue: RedisServer, ask: Asking, acceptance: Environment
) -> None:
    pace = {"PORTAL_TEST_PACE": "0.02"}  # beyond 7.2 seconds of silence workers would be taken for frozen
    workers = start(**pace)
    running = ask("slow")
    eventually(lambda: has_begun(running, ask))

    redis_queue.kill()
    meanwhile = ask("quick", acceptance)
    eventually(lambda: sign_ages()[PORTAL] > 8)
    redis_queue.start()

    ring_is_due()
    eventually(lambda: is_done(meanwhile))
    eventually(lambda: sign_ages()[PORTAL] < 5)
    assert workers.process.poll() is None
    ask.open_gate()
    eventually(lambda: is_done(running))
    assert sorted(ask.lines) == ["began 1", "began 1", "ended 1", "ended 1"]


def test_workers_wait_for_a_redis_that_is_not_there_yet(start: Start, redis_queue: RedisServer, ask: Asking) -> None:
    redis_queue.kill()
    operation = ask("quick")
    workers = start(waits=False)
    eventually(lambda: workers.log.read_text().count("takes no messages") >= 4)  # both clusters, and the look-out
    assert workers.process.poll() is None

    redis_queue.start()

    eventually(lambda: is_done(operation))


def test_they_end_at_once_while_they_wait_for_it(start: Start, redis_queue: RedisServer) -> None:
    redis_queue.kill()
    workers = start("--queue", "long", waits=False)
    eventually(lambda: workers.log.read_text().count("takes no messages") >= 4)

    workers.signal(signal.SIGTERM)

    assert workers.ended() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["dead", "hangs"])
def test_no_request_fails_or_waits_long_for_it(redis_queue: RedisServer, ask: Asking, how: str) -> None:
    redis_queue.kill() if how == "dead" else redis_queue.freeze()
    began = time.monotonic()

    operation = ask("quick")

    assert time.monotonic() - began < 5
    assert (fresh(operation).status, operation.rings) == (Status.QUEUED, 0)
    assert Operation.objects.filter(pk=operation.pk, ring_at__lte=in_seconds(0)).exists()  # the next reaper rings


def test_workers_of_an_older_version_leave_what_is_newer_queued(
    start: Start, redis_queue: RedisServer, ask: Asking, acceptance: Environment
) -> None:
    newer = ask("quick", is_rung=False)
    Operation.objects.filter(pk=newer.pk).update(protocol=PROTOCOL + 1, ring_at=in_seconds(-1))
    ring(newer)
    start("--queue", "long", waits=False)

    older = ask("quick", acceptance)
    Operation.objects.filter(pk=older.pk).update(protocol=PROTOCOL - 1)

    eventually(lambda: is_done(older))
    eventually(lambda: redis_queue.waiting("long") == 0)
    assert (fresh(newer).status, newer.attempt) == (Status.QUEUED, 0)


def test_leases_go_by_the_databases_clock_whatever_two_machines_believe(start: Start, ask: Asking) -> None:
    """Neither takes over what the other is at, nor leaves it lying when it is lost."""
    far = Region.objects.create(slug="far", name="Far", zone="Asia/Tokyo", queue="long-far")
    fast, slow = ({"PORTAL_TEST_CLOCK_TURNED_SECONDS": str(60 * minutes), **SHORT_LEASE} for minutes in (10, -10))
    start("--queue", "long-far", waits=False, **fast)
    start(**slow)
    here, there = ask("slow"), ask("slow", EnvironmentFactory(region=far))
    eventually(lambda: has_begun(here, ask) and fresh(there).status == Status.RUNNING)
    second_lease = min(one.lease_until for one in (here, there) if one.lease_until) + timedelta(seconds=4)

    eventually(lambda: all((fresh(one).lease_until or second_lease) > second_lease for one in (here, there)))
    assert (here.attempt, there.attempt) == (1, 1)
    os.kill(owner_of(there), signal.SIGKILL)

    eventually(lambda: fresh(there).attempt == 2 and there.status == Status.RUNNING)
    ask.open_gate()
    eventually(lambda: is_done(there) and is_done(here))
    assert here.attempt == 1
