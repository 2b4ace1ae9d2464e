"""Every address of the portal for every role, own and foreign. An address that stands in no table here fails."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from backups.models import Backup, Generation, Upload
from backups.models.upload import UploadPart, UploadState
from environments import clock
from environments.choices import Right, Role
from environments.models import Environment, Membership
from tests.cast import signed_in
from tests.factories import (
    AppFactory,
    BackupFactory,
    EnvironmentFactory,
    MembershipFactory,
    OperationFactory,
    PackageFactory,
    UserFactory,
)

ROLES = ("viewer", "developer", "operator", "technical_contact")
PEOPLE = ("vera", "dana", "omar", "tess")
# From which role on a right is held.
FROM = {
    Right.VIEW: "viewer",
    Right.CREATE: "developer",
    Right.DOWNLOAD: "developer",
    Right.RESTORE: "operator",
    Right.UPLOAD: "operator",
    Right.OPERATE: "operator",
    Right.DELETE: "technical_contact",
    Right.MANAGE_MEMBERS: "technical_contact",
}
# Each address below an environment, and the right that opens it.
RIGHTS = {
    **dict.fromkeys(("list", "alarms", "calendar", "rows", "current", "details", "panel", "menu"), Right.VIEW),
    **dict.fromkeys(
        ("environment", "environment_live", "environment_database", "activity", "activity_table"), Right.VIEW
    ),
    "create": Right.CREATE,
    "comment": Right.CREATE,
    "download": Right.DOWNLOAD,
    "restore": Right.RESTORE,
    "undo": Right.RESTORE,
    "cancel": Right.OPERATE,
    "cancel_operation": Right.OPERATE,
    **dict.fromkeys(("delete", "pin", "unpin"), Right.DELETE),
    **dict.fromkeys(("stop", "start", "add_package", "deploy"), Right.OPERATE),
    **dict.fromkeys(("upload", "upload_stop", "upload_said", "upload_confirm", "upload_live"), Right.UPLOAD),
    **dict.fromkeys(("upload_remove", "upload_examine", "transfers", "transfer"), Right.UPLOAD),
    "members": Right.VIEW,
    **dict.fromkeys(("invite", "change_member", "remove_member"), Right.MANAGE_MEMBERS),
}
# For whoever is signed in, about nobody but themselves.
OWN = {
    *("home", "theme", "account", "account_reauthenticate", "account_change_password", "account_set_password"),
    *("usersessions_list", "mfa_index", "mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp"),
    *("mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_download_recovery_codes", "mfa_list_webauthn"),
    *("mfa_add_webauthn", "mfa_reauthenticate_webauthn", "mfa_remove_webauthn", "mfa_edit_webauthn"),
}
# For everybody: doors, and what is asked from beside.
OPEN = {
    *("sign_in", "account_login", "sign_out", "account_logout", "account_inactive", "account_signup"),
    *("account_reset_password", "account_reset_password_done", "account_reset_password_from_key"),
    *(
        "account_reset_password_from_key_done",
        "mfa_authenticate",
        "mfa_login_webauthn",
        "invitation",
        "health",
        "metrics",
    ),
}
# A link for one person; tests/backups/views/test_download_refused.py stands before it.
BY_LINK = {"archive"}


def patterns(resolver: URLResolver | None = None) -> Iterator[URLPattern]:
    """Every address but the admin's, which is for support staff alone."""
    for one in (resolver or get_resolver()).url_patterns:
        if isinstance(one, URLPattern):
            yield one
        elif one.app_name != "admin":
            yield from patterns(one)


def named(name: str) -> URLPattern:
    return next(one for one in patterns() if one.name == name)


@pytest.fixture
def place(environment: Environment, technical_contact: User, operator: User, developer: User, viewer: User) -> Backup:
    """A backup in an environment with everybody in its team."""
    BackupFactory(environment=environment)
    backup: Backup = BackupFactory(environment=environment, pinned=True)
    return backup


@pytest.fixture
def foreigner(db: None) -> User:
    """Holds every right, in another app."""
    user: User = UserFactory(username="fred")
    other = EnvironmentFactory(app=AppFactory(slug="elsewhere"), slug="live")
    MembershipFactory(app=other.app, user=user, role=Role.TECHNICAL_CONTACT)
    return user


def address(name: str, backup: Backup) -> str:
    space = "environments" if name in ("members", "invite", "change_member", "remove_member") else "backups"
    place = backup.environment
    known: dict[str, Any] = {"app": place.app.slug, "environment": place.slug, "backup": backup.pk, "contents": "full"}
    known |= {"operation": UUID(int=1), "upload": UUID(int=1)}
    wanted = set(named(name).pattern.regex.groupindex)
    if "membership" in wanted:
        known["membership"] = Membership.objects.get(user__username="dana").pk
    if "package" in wanted:
        known["package"] = PackageFactory(app=place.app).pk
    if name == "cancel":
        known["backup"] = BackupFactory(environment=place, running=True).pk
    if name == "undo":
        left = OperationFactory(environment=place, kind="restore")
        until = clock.now() + timedelta(hours=1)
        Generation.objects.create(environment=place, operation=left, left_at=clock.now(), undo_until=until)
    if "operation" in wanted:
        known["operation"] = BackupFactory(environment=place, queued=True).operation.pk
    if "upload" in wanted:
        moments = {"created_at": clock.now(), "touched_at": clock.now()}
        coming = Upload(environment=place, part=UploadPart.FILES, filename="a.zip", size_bytes=1, **moments)
        coming.state = UploadState.COMING
        coming.save()
        known["upload"] = coming.pk
    return reverse(f"{space}:{name}", kwargs={key: known[key] for key in wanted})


def test_every_address_is_in_one_table() -> None:
    names = [str(one.name) for one in patterns()]
    tables = [set(RIGHTS), OWN, OPEN, BY_LINK]

    assert sorted(names) == sorted(set(names))
    assert {name: sum(name in table for table in tables) for name in names} == dict.fromkeys(names, 1)
    assert set().union(*tables) == set(names)


def answers(person: User | str | None, where: str) -> set[int]:
    """How each method ends that the address takes at all."""
    user = User.objects.get(username=person) if isinstance(person, str) else person
    client = signed_in(user) if user else Client()
    told = [getattr(client, method)(where) for method in ("get", "post", "patch", "delete")]
    assert all("no-store" in answer.headers["Cache-Control"] for answer in told), where
    return {answer.status_code for answer in told} - {405}


@pytest.mark.parametrize("name", sorted(RIGHTS))
def test_below_an_environment_the_right_decides(place: Backup, stranger: User, foreigner: User, name: str) -> None:
    where = address(name, place)
    first = ROLES.index(FROM[RIGHTS[name]])

    assert answers(None, where) == {302}
    assert Client().get(where).url.startswith(reverse("sign_in"))
    assert answers(stranger, where) == {404}
    assert answers(foreigner, where) == {404}
    for person in PEOPLE[:first]:
        assert answers(person, where) == {403}, person
    for person in PEOPLE[first:]:
        answer = signed_in(User.objects.get(username=person)).get(where)
        assert "no-store" in answer.headers["Cache-Control"]
        # Their own uploads only: the one in the address belongs to nobody.
        own = {404} if "upload" in named(name).pattern.regex.groupindex else set()
        assert answer.status_code in {200, 204, 286, 302, 405, 409, 410} | own, person
        assert "/sign-in/" not in answer.headers.get("Location", ""), person


@pytest.mark.parametrize("name", sorted(OWN))
def test_ones_own_account_is_for_the_signed_in(db: None, name: str) -> None:
    arguments = [1] if name in ("mfa_edit_webauthn", "mfa_remove_webauthn") else []

    for method in ("get", "post"):
        answer = getattr(Client(), method)(reverse(name, args=arguments))
        assert (answer.status_code, answer.url.split("?")[0]) == (302, reverse("sign_in"))


@pytest.mark.parametrize("name", sorted(OPEN - {"invitation", "account_reset_password_from_key"}))
def test_the_open_doors_show_nothing_of_an_app(place: Backup, name: str) -> None:
    answer = Client().get(reverse(name))

    assert answer.status_code in (200, 302, 404, 503)
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Order Desk" not in answer.content.decode()


def test_the_admin_is_for_support_staff(place: Backup, support: User, technical_contact: User) -> None:
    for where in ("/admin/", "/admin/backups/backup/", "/admin/environments/environment/", "/admin/auth/user/"):
        assert Client().get(where, follow=True).redirect_chain[-1][0].startswith(reverse("sign_in"))
        assert signed_in(technical_contact).get(where, follow=True).status_code == 403
        assert signed_in(support).get(where).status_code == 200
