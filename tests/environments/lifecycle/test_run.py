"""Every way an attempt can end, and what people read then."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from django_q.exceptions import TimeoutException
from django_q.models import OrmQ

from environments.choices import Failure, Status
from environments.errors import EnvironmentBusy, Failed, Refused
from environments.lifecycle import drain, kinds
from environments.lifecycle.attempt import Attempt, Fenced, TimeUp
from environments.lifecycle.cancel import cancel
from environments.lifecycle.claim import claim, hand_back
from environments.lifecycle.kinds import Kind, register
from environments.lifecycle.run import run, run_here
from environments.models import Activity, Operation
from tests.factories import OperationFactory

from .conftest import INES, Asking, fresh

pytestmark = pytest.mark.django_db(transaction=True)
Perform = Callable[[Attempt], str]


@pytest.fixture(autouse=True)
def _forgets_the_special_kind() -> Iterator[None]:
    yield
    kinds._kinds.pop("special", None)


@pytest.fixture
def performed(ask: Asking) -> Callable[[Perform], Operation]:
    """A function that runs one operation that does this, and returns its fresh row."""

    def performed(perform: Perform) -> Operation:
        register(Kind("special", perform, is_exclusive=True, may_repeat=True, time_limit_seconds=7200))
        operation = ask("special", is_rung=False)
        run(operation.pk)
        return fresh(operation)

    return performed


def raising(error: BaseException) -> Perform:
    def perform(_: Attempt) -> str:
        raise error

    return perform


def test_what_perform_returns_is_the_closing_sentence(performed: Callable[[Perform], Operation]) -> None:
    operation = performed(lambda attempt: f"Attempt {attempt.number} is done.")

    assert (operation.status, operation.failure, operation.message) == (Status.COMPLETED, "", "Attempt 1 is done.")
    assert Activity.objects.get().action == "special.completed"


@pytest.mark.parametrize("error", [Failed("The table is locked."), Refused("The table is locked.")], ids=repr)
def test_an_errors_sentence_is_shown_as_it_is(performed: Callable[[Perform], Operation], error: Exception) -> None:
    operation = performed(raising(error))

    assert (operation.status, operation.failure, operation.message) == (
        Status.FAILED,
        Failure.ERROR,
        "The table is locked.",
    )


def test_what_nobody_foresaw_is_named_by_its_class_and_told_to_the_log_alone(
    performed: Callable[[Perform], Operation], caplog: pytest.LogCaptureFixture
) -> None:
    operation = performed(raising(KeyError("a password")))

    assert operation.failure == Failure.ERROR
    assert operation.message.startswith("Something unexpected went wrong (KeyError).")
    assert "a password" not in operation.message
    assert "Traceback" in caplog.text


def test_the_time_limit_is_a_reason_of_its_own(performed: Callable[[Perform], Operation]) -> None:
    operation = performed(raising(TimeUp()))

    assert operation.failure == Failure.TIME_LIMIT
    assert operation.message == "The time limit of 2 hours is over. Nothing half-made is kept."


def test_the_librarys_time_out_is_recorded_and_goes_on_to_the_library(ask: Asking) -> None:
    register(Kind("special", raising(TimeoutException("too long")), is_exclusive=True, may_repeat=True))
    operation = ask("special")

    with pytest.raises(SystemExit):
        run(operation.pk)

    assert (fresh(operation).status, operation.failure) == (Status.FAILED, Failure.TIME_LIMIT)


def test_whoever_is_fenced_says_nothing(performed: Callable[[Perform], Operation]) -> None:
    operation = performed(raising(Fenced()))

    assert (operation.status, operation.message) == (Status.RUNNING, "")
    assert not Activity.objects.exists()


def test_a_cancelled_one_says_by_whom(performed: Callable[[Perform], Operation]) -> None:
    def perform(attempt: Attempt) -> str:
        cancel(attempt.operation, by=INES)
        attempt.check_owned()
        return "It went on."

    operation = performed(perform)

    assert (operation.failure, operation.message) == (Failure.CANCELLED, "Cancelled by Ines Duarte.")
    assert [line.action for line in Activity.objects.order_by("id")] == [
        "special.cancel_requested",
        "special.cancelled",
    ]


def test_a_message_that_comes_while_the_worker_stops_is_left_for_the_next_one(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = ask("quick")
    monkeypatch.setattr(drain, "is_on", lambda: True)

    run(operation.pk)

    assert (fresh(operation).status, operation.rings, ask.lines) == (Status.QUEUED, 0, [])


def test_a_stopped_worker_hands_its_work_back(
    performed: Callable[[Perform], Operation], monkeypatch: pytest.MonkeyPatch
) -> None:
    def perform(attempt: Attempt) -> str:
        monkeypatch.setattr(drain, "is_on", lambda: True)
        attempt.beat()
        return "It went on."

    operation = performed(perform)

    assert (operation.status, operation.attempt, operation.max_attempts) == (Status.QUEUED, 1, 4)
    assert "Handed back" in operation.phase


def test_messages_about_nothing_are_nothing(ask: Asking) -> None:
    run(uuid.uuid4())
    ended = OperationFactory(kind="quick", environment=ask.environment)
    run(ended.pk)

    assert ask.lines == []


def test_an_ended_one_rings_for_the_oldest_that_waits_there(ask: Asking) -> None:
    first = ask("quick")
    second, third = OperationFactory.create_batch(2, queued=True, environment=ask.environment, kind="quick")
    OrmQ.objects.all().delete()

    run(first.pk)

    [message] = OrmQ.objects.all()
    assert message.task["args"] == (str(second.pk),)
    assert (fresh(second).rings, fresh(third).rings) == (1, 0)


def test_a_later_attempt_first_removes_what_earlier_ones_left(ask: Asking) -> None:
    operation = ask("quick")
    for _ in range(2):
        claimed = claim(operation.pk)
        assert claimed and hand_back(claimed, "lost", is_a_try=True)

    run(operation.pk)

    assert ask.lines == ["swept 1", "swept 2", "began 3", "ended 3"]


def test_the_work_can_be_done_here_without_any_queue(ask: Asking) -> None:
    operation = run_here(ask("quick", is_rung=False))

    assert (operation.status, operation.message) == (Status.COMPLETED, "It was quick.")
    assert not OrmQ.objects.exists()


def test_what_cannot_be_begun_here_stays_queued_and_says_so(ask: Asking) -> None:
    assert claim(ask("quick").pk)
    waiting = OperationFactory(queued=True, environment=ask.environment, kind="quick")

    with pytest.raises(EnvironmentBusy, match=f"It stays Queued.*show_operation {waiting.pk}"):
        run_here(waiting)


def test_what_has_ended_already_is_shown_as_it_is(ask: Asking) -> None:
    ended = OperationFactory(kind="quick", environment=ask.environment)

    assert run_here(ended).message == "The backup was made."


def test_ctrl_c_ends_what_is_done_here(ask: Asking) -> None:
    register(Kind("special", raising(KeyboardInterrupt()), is_exclusive=True, may_repeat=True))
    operation = ask("special", is_rung=False)

    with pytest.raises(KeyboardInterrupt):
        run_here(operation)

    assert (fresh(operation).failure, operation.message[:26]) == (Failure.CANCELLED, "Stopped from the keyboard ")
