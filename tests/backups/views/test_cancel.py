"""Cancel: who may end a backup that is Queued or Running, and what follows."""

from django.contrib.auth.models import User

from environments.choices import Failure, Status
from environments.models import Environment
from tests.factories import BackupFactory
from tests.reading import text, texts

from .conftest import Address, CheckDoor, SignIn


def test_cancelling_needs_the_right_to_operate(
    environment: Environment, developer: User, address: Address, check_door: CheckDoor
) -> None:
    backup = BackupFactory(environment=environment, running=True)

    check_door(address("cancel", backup), without=developer, wrong="delete")
    check_door(address("cancel", backup), without=developer, wrong="put", method="post")
    backup.operation.refresh_from_db()
    assert backup.operation.cancelled_by_name == ""


def test_whoever_asked_for_it_may_cancel_it(
    environment: Environment, developer: User, sign_in: SignIn, address: Address
) -> None:
    backup = BackupFactory(environment=environment, queued=True, operation__requested_by=developer)

    answer = sign_in(developer).post(address("cancel", backup), follow=True)

    backup.operation.refresh_from_db()
    assert answer.redirect_chain == [(address("list", environment), 302)]
    assert (backup.operation.status, backup.operation.failure) == (Status.FAILED, Failure.CANCELLED)
    assert text(answer, class_="c-line") == "Cancelled by Dana Developer. Try again"
    assert texts(answer, class_="is-cancelled")[0] == "Failed"
    opened = sign_in(developer).get(backup.get_absolute_url())
    assert text(opened, class_="facts").startswith("Status Failed")
    assert text(opened, class_="banner").startswith("Cancelled by Dana Developer.")
    assert "is-bad" not in opened.content.decode()


def test_a_running_one_is_asked_to_end(
    environment: Environment, operator: User, sign_in: SignIn, address: Address
) -> None:
    backup = BackupFactory(environment=environment, running=True)
    client = sign_in(operator)

    words = text(client.get(address("cancel", backup)), class_="dialog-body")
    answer = client.post(address("cancel", backup), follow=True)

    assert "no backup is made. The app keeps running." in words
    assert "being cancelled" in text(answer, class_="facts-line")


def test_what_has_ended_is_refused(environment: Environment, operator: User, sign_in: SignIn, address: Address) -> None:
    backup = BackupFactory(environment=environment)

    answer = sign_in(operator).post(address("cancel", backup))

    assert answer.status_code == 409
    assert "already ended" in text(answer, class_="is-bad")
