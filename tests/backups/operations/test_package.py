"""Packages: known by their versions, their files kept in the vault as they came, and never another one."""

import hashlib
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from backups.errors import PackageRefused, VaultForeign, VaultUnreachable
from backups.lookup import find_package
from backups.models import Installation
from backups.operations import package as module
from backups.operations.package import discard_left_behind, file_name_of, register_package
from backups.storage import names
from backups.storage.vault import Vault, open_vault
from environments import clock
from environments.actors import Actor
from environments.choices import Origin
from environments.errors import Refused
from environments.models import Activity, App, Environment, Package
from tests.factories import AppFactory

pytestmark = pytest.mark.django_db
BY = Actor("Ines Duarte", Origin.PERSON)
CONTENT = b"a package of three blocks" * 120_000


def add(app: App, content: bytes | None = CONTENT, version: str = "1.4.0", **facts: str) -> Package:
    file = None if content is None else io.BytesIO(content)
    told = {"modeler_version": "10.18.3", "filename": "order-desk-1.4.0.mda", **facts}
    return register_package(app, model_version=version, file=file, by=BY, **told)


def stored() -> list[Path]:
    return sorted(Path(settings.VAULT_LOCATION).glob("packages/*"))


def test_the_file_lies_in_the_vault_as_it_came(app: App, environment: Environment) -> None:
    package = add(app)

    [file] = stored()
    assert file.read_bytes() == CONTENT
    assert package.stored_as == f"packages/{file.name}"
    assert (package.file_name, package.file_bytes) == ("order-desk-1.4.0.mda", len(CONTENT))
    assert package.file_sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert Installation.own().marked_at is not None
    line = Activity.objects.get(action="package.registered")
    assert line.sentence == "Ines Duarte registered the package 1.4.0."
    assert line.facts["sha256"] == package.file_sha256


def test_a_package_may_be_known_by_its_versions_alone_and_get_its_file_later(
    app: App, environment: Environment
) -> None:
    known = add(app, None)
    assert not known.has_file
    assert stored() == []

    later = add(app)
    assert later.pk == known.pk
    assert later.has_file
    told = [line.sentence for line in Activity.objects.order_by("pk")]
    assert told[1] == "Ines Duarte added the file of the package 1.4.0."


def test_the_same_again_changes_nothing(app: App, environment: Environment) -> None:
    first = add(app)
    assert add(app) == add(app, None) == first

    assert Activity.objects.filter(action="package.registered").count() == 1
    assert len(stored()) == 1


def test_other_bytes_of_the_same_version_are_refused(app: App) -> None:
    first = add(app)
    with pytest.raises(PackageRefused, match="a version never changes"):
        add(app, CONTENT + b"!")

    [file] = stored()
    assert file.read_bytes() == CONTENT
    first.refresh_from_db()
    assert first.file_bytes == len(CONTENT)


def test_another_modeler_or_app_is_another_package(app: App) -> None:
    assert len({add(app).pk, add(app, modeler_version="10.24.1").pk, add(AppFactory()).pk}) == 3


@pytest.mark.parametrize("content", [CONTENT, CONTENT + b"!"], ids=["same", "other"])
def test_whoever_is_slower_with_the_same_version_leaves_nothing_behind(
    app: App, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """Somebody else registers the version while this file is on its way."""

    def meanwhile(vault: Vault, written: object) -> None:
        monkeypatch.undo()
        add(app)

    monkeypatch.setattr(module, "read_back", meanwhile)
    if content == CONTENT:
        assert add(app, content).file_bytes == len(CONTENT)
    else:
        with pytest.raises(PackageRefused):
            add(app, content)
    [file] = stored()
    assert Package.objects.get().stored_as == f"packages/{file.name}"


def test_what_does_not_read_back_is_not_registered(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(vault: Vault, written: object) -> None:
        raise VaultUnreachable("The vault does not answer.")

    monkeypatch.setattr(module, "read_back", spoil)
    with pytest.raises(VaultUnreachable):
        add(app)

    assert stored() == []
    assert not Package.objects.exists()


def test_a_vault_that_is_not_ours_gets_nothing(app: App) -> None:
    place = Path(settings.VAULT_LOCATION)
    place.mkdir()
    (place / "somebody's").write_text("else's")

    with pytest.raises(VaultForeign):
        add(app)
    assert [one.name for one in place.iterdir()] == ["somebody's"]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"version": ""}, "needs a model version"),
        ({"version": "1.4 .2"}, "cannot be a version"),
        ({"version": "--help"}, "cannot be a version"),
        ({"version": "1.4\n2"}, "cannot be a version"),
        ({"modeler_version": "1" * 61}, "at most 60"),
        ({"content": b""}, "is empty"),
    ],
)
def test_what_cannot_be_a_package_is_refused(app: App, facts: dict[str, str], words: str) -> None:
    with pytest.raises(Refused, match=words):
        add(app, **facts)  # type: ignore[arg-type]

    assert not Package.objects.exists()
    assert stored() == []


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("C:\\work\\app.mda", "app.mda"),
        ("../../etc/passwd", "passwd"),
        ("..", "package"),
        ("", "package"),
        ("a\nb\x00.zip", "ab.zip"),
        ("é" * 300 + ".mda", "é" * 98 + ".mda"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_file_keeps_the_name_it_came_with_as_far_as_it_is_one(filename: str, name: str) -> None:
    assert file_name_of(filename) == name


def test_only_what_no_package_names_is_removed_and_only_after_a_day(app: App, make_orphan: Callable[..., str]) -> None:
    with clock.turned_to(clock.now() - timedelta(days=300)):
        kept = add(app)
    fresh, old, cut = make_orphan(hours=1), make_orphan(hours=25), make_orphan(hours=25, is_finished=False)

    assert discard_left_behind() == 2
    vault = open_vault()
    assert vault.exists(kept.stored_as)
    assert vault.exists(fresh)
    assert not vault.exists(old)
    assert cut not in vault.unfinished(names.PACKAGES)


@pytest.fixture
def make_orphan(vault: Vault) -> Callable[..., str]:
    """A file of a registration that was cut off."""

    def make(*, hours: int, is_finished: bool = True) -> str:
        name = names.package(clock.now() - timedelta(hours=hours), Installation.own().pk)
        name = f"{name}{hours}{is_finished}".lower()
        writer = vault.create(name)
        writer.write(b"left behind")
        if is_finished:
            writer.commit()
        return name

    return make


def test_a_removed_package_lets_go_of_its_file(app: App) -> None:
    with clock.turned_to(clock.now() - timedelta(days=2)):
        add(app).delete()

    assert discard_left_behind() == 1
    assert stored() == []


def test_nothing_is_looked_for_in_a_vault_that_was_never_written() -> None:
    assert discard_left_behind() == 0
    assert not Path(settings.VAULT_LOCATION).exists()


def test_a_package_is_found_by_its_version_and_its_modeler_where_that_is_needed(app: App) -> None:
    old = add(app, None, modeler_version="10.18.3")
    assert find_package(app, "1.4.0") == old
    new = add(app, None, modeler_version="10.24.1")
    assert find_package(app, "1.4.0", "10.24.1") == new

    with pytest.raises(Refused, match=r"10\.18\.3 and 10\.24\.1; say which"):
        find_package(app, "1.4.0")
    with pytest.raises(Refused, match=r"has no package 9\.9\.9"):
        find_package(app, "9.9.9")
