"""Packages in the admin: made known and removed there, never changed."""

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from environments.models import App, Environment, Package
from tests.factories import PackageFactory


def test_a_version_never_changes(staff: Client, app: App) -> None:
    package = PackageFactory(app=app, file_name="desk.mda", file_bytes=7, file_sha256="f" * 64, stored_as="packages/x")
    address = reverse("admin:environments_package_change", args=[package.pk])
    assert "desk.mda" in staff.get(address).content.decode()

    staff.post(address, {"app": app.pk, "model_version": "6.6.6", "modeler_version": "", "file_name": "other"})
    package.refresh_from_db()
    assert (package.model_version, package.file_name) == ("1.4.2.118", "desk.mda")


def test_a_new_one_is_known_by_its_versions_alone(staff: Client, app: App) -> None:
    told = {"app": app.pk, "model_version": "1.5.0", "modeler_version": "", "stored_as": "packages/x"}
    staff.post(reverse("admin:environments_package_add"), told)

    assert not Package.objects.get(model_version="1.5.0").has_file


def test_what_is_deployed_is_not_removed(staff: Client, environment: Environment, support: User) -> None:
    assert environment.package is not None
    unused = PackageFactory(app=environment.app, model_version="1.3.9")
    for package in (environment.package, unused):
        staff.post(reverse("admin:environments_package_delete", args=[package.pk]), {"post": "yes"})

    assert list(Package.objects.all()) == [environment.package]
