"""Comment: the dialog, and changing it."""

from django.contrib.auth.models import User

from backups.models import Backup
from environments.models import Activity, Environment
from tests.factories import BackupFactory
from tests.reading import text

from .conftest import Address, CheckDoor, SignIn


def test_commenting_needs_the_right_to_create(
    environment: Environment, viewer: User, address: Address, check_door: CheckDoor
) -> None:
    backup = BackupFactory(environment=environment)

    check_door(address("comment", backup), without=viewer, wrong="delete")
    check_door(address("comment", backup), without=viewer, wrong="put", method="post")


def test_the_old_comment_is_in_the_form(
    environment: Environment, developer: User, sign_in: SignIn, address: Address
) -> None:
    backup = BackupFactory(environment=environment, comment="first\nsecond")

    assert "first\nsecond</textarea>" in sign_in(developer).get(address("comment", backup)).content.decode()


def test_the_new_comment_is_saved_and_shown_whole(
    environment: Environment, developer: User, sign_in: SignIn, address: Address
) -> None:
    backup = BackupFactory(environment=environment, comment="old")
    client = sign_in(developer)
    long = "ש" * 200 + " <i>" + "w" * 200

    answer = client.post(address("comment", backup), {"comment": long}, follow=True)

    assert answer.redirect_chain == [(backup.get_absolute_url(), 302)]
    assert text(answer, class_="said") == long
    assert text(answer, class_="banner") == "The comment is saved."
    assert Activity.objects.get(action="backup.commented").facts["old"] == "old"


def test_a_comment_may_be_taken_away(
    environment: Environment, developer: User, sign_in: SignIn, address: Address
) -> None:
    backup = BackupFactory(environment=environment, comment="old")

    sign_in(developer).post(address("comment", backup), {"comment": ""})

    backup.refresh_from_db()
    assert backup.comment == ""


def test_too_long_a_comment_is_refused_and_kept_in_the_form(
    environment: Environment, developer: User, sign_in: SignIn, address: Address
) -> None:
    backup = BackupFactory(environment=environment, comment="old")

    answer = sign_in(developer).post(address("comment", backup), {"comment": "x" * 2001})

    backup.refresh_from_db()
    assert answer.status_code == 422
    assert "x" * 2001 in answer.content.decode()
    assert backup.comment == "old"


def test_a_comment_that_somebody_else_wrote_meanwhile_is_shown_and_not_overwritten(
    backup: Backup, developer: User, sign_in: SignIn, address: Address
) -> None:
    client, where = sign_in(developer), address("comment", backup)
    Backup.objects.update(comment="said\nby another")

    stale = client.post(where, {"comment": "mine", "seen": backup.comment})

    assert stale.status_code == 409
    assert "changed meanwhile" in text(stale, role="alert")
    assert "by another" in text(stale, role="alert")
    assert "mine" in text(stale, id="id_comment")
    assert Backup.objects.get().comment == "said\nby another"
    again = client.post(where, {"comment": "mine", "seen": "said\r\nby another"})
    assert again.status_code == 302
    assert client.post(where, {"comment": "mine", "seen": "said\r\nby another"}).status_code == 302  # clicked twice
    assert Backup.objects.get().comment == "mine"
