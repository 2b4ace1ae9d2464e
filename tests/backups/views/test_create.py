"""Create Backup: the dialog, and what pressing its button does."""

from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User

from backups.models import Backup
from environments import clock
from environments.choices import Status
from environments.models import Environment
from tests.factories import BackupFactory
from tests.reading import text

from .conftest import Address, CheckDoor, SignIn


def test_creating_needs_the_right(
    environment: Environment, viewer: User, address: Address, check_door: CheckDoor
) -> None:
    check_door(address("create", environment), without=viewer, wrong="delete")
    check_door(address("create", environment), without=viewer, wrong="put", method="post")
    assert not Backup.objects.exists()


def test_the_dialog_says_how_long_it_takes_and_is_kept(
    environment: Environment, developer: User, sign_in: SignIn, address: Address
) -> None:
    BackupFactory(environment=environment, duration_seconds=232)
    BackupFactory(environment=environment, failed=True)

    with clock.turned_to(datetime(2026, 11, 25, 8, tzinfo=UTC)):
        page = sign_in(developer).get(address("create", environment, comment="again"))

    words = text(page, class_="dialog-body")
    assert words.startswith("Create a backup of Order Desk, Live The app keeps running.")
    assert "The backup before this one took 3 min 52 s." in words
    assert "Made today, a Wednesday, it is kept until 2026-12-09." in words
    assert b'value="again"' in page.content


def test_without_history_nothing_is_promised(
    environment: Environment, developer: User, sign_in: SignIn, address: Address
) -> None:
    page = sign_in(developer).get(address("create", environment))

    assert "took" not in text(page, class_="dialog-body")


def test_pressing_the_button_queues_a_backup_and_shows_it(
    environment: Environment, developer: User, sign_in: SignIn, address: Address
) -> None:
    client = sign_in(developer)

    answer = client.post(address("create", environment), {"comment": " before <b>it</b> "})

    backup = Backup.objects.get()
    assert (answer.status_code, answer.url) == (302, address("list", environment))
    assert (backup.comment, backup.created_by) == ("before <b>it</b>", "Dana Developer")
    assert (backup.status, backup.operation.requested_by) == (Status.QUEUED, developer)
    page = client.get(answer.url)
    assert text(page, class_="c-status") == "Queued"
    assert text(page, class_="c-by") == "Dana Developer before <b>it</b>"


def test_a_busy_environment_refuses_and_keeps_what_was_typed(
    environment: Environment, developer: User, sign_in: SignIn, address: Address
) -> None:
    BackupFactory(environment=environment, running=True, created_by="Ines Duarte")

    answer = sign_in(developer).post(address("create", environment), {"comment": "mine"})

    assert answer.status_code == 409
    assert "asked for by Ines Duarte" in text(answer, class_="is-bad")
    assert b'value="mine"' in answer.content
    assert Backup.objects.count() == 1


def test_a_comment_has_an_end(environment: Environment, developer: User, sign_in: SignIn, address: Address) -> None:
    answer = sign_in(developer).post(address("create", environment), {"comment": "x" * 2001})

    assert answer.status_code == 422
    assert "2000" in text(answer, class_="error")
    assert b'aria-invalid="true"' in answer.content
    assert not Backup.objects.exists()


def test_over_a_page_the_dialog_is_a_part_and_success_leaves_it(
    environment: Environment, developer: User, sign_in: SignIn, address: Address
) -> None:
    client = sign_in(developer)

    part = client.get(address("create", environment), headers={"HX-Request": "true"})
    answer = client.post(address("create", environment), headers={"HX-Request": "true"})

    assert b"<html" not in part.content
    assert "HX-Request" in part["Vary"]
    assert (answer.status_code, answer["HX-Redirect"]) == (200, address("list", environment))


def test_clicking_twice_makes_one_and_leads_to_it(
    environment: Environment, developer: User, operator: User, sign_in: SignIn, address: Address
) -> None:
    client = sign_in(developer)

    answers = [client.post(address("create", environment)) for _ in range(2)]

    assert [answer.headers["Location"] for answer in answers] == [address("list", environment)] * 2
    assert sign_in(operator).post(address("create", environment)).status_code == 409
    assert Backup.objects.filter(created_at__gt=clock.now() - timedelta(minutes=1)).count() == 1
