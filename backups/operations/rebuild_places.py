"""The places of backups that the vault holds: apps, regions, environments and packages, made where they are not known.

A place that is made so has no database and no files directory: `register_environment` fills them in.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug

from environments.models import App, Environment, Package, Region

from ..errors import ManifestNotReadable
from ..models import Backup

LONGEST_SLUG, LONGEST_NAME, LONGEST_VERSION = 60, 200, 60
DEFAULT_CLOUD_VERSION = "v4"


def place_of(identity: UUID, header: dict[str, Any]) -> tuple[Environment, bool]:
    """The environment of this id, made as the header tells where it is not known; and whether it was made.

    Call it in the transaction that writes its backups. Raises: ManifestNotReadable.
    """
    rows = Environment.objects.select_related("app", "region", "package")
    if found := rows.filter(pk=identity).first():
        return found, False
    app, _ = App.objects.get_or_create(slug=_slug(header, "app"), defaults={"name": _name(header, "app")})
    place = Environment(id=identity, app=app, slug="", database="", files_directory="")
    _apply(place, header)
    place.save(force_insert=True)
    return place, True


def check_header(header: dict[str, Any]) -> None:
    """See that a place can be made as it tells. Raises: ManifestNotReadable."""
    for name in ("app", "environment", "region"):
        _slug(header, name)


def bring_up_to(place: Environment, header: dict[str, Any]) -> None:
    """Let a place that is not registered yet be as its newest backup tells, and as old as its oldest."""
    _apply(place, header)
    versions = {name: str(header.get(name, "")) for name in ("model_version", "modeler_version")}
    place.package = Package.objects.filter(app=place.app_id, **versions).first() if versions["model_version"] else None
    place.save()
    oldest: datetime | None = (
        Backup.objects.filter(environment=place).order_by("created_at").values_list("created_at", flat=True).first()
    )
    if oldest:
        Environment.objects.filter(pk=place.pk).update(created_at=oldest, nightly_since=None)


def remember_packages(place: Environment, versions: Iterable[tuple[str, str]]) -> None:
    """The packages that backups were made with, by their versions; their files are not known here. Two queries."""
    wanted = {one for one in versions if one[0]}
    known = set(Package.objects.filter(app=place.app_id).values_list("model_version", "modeler_version"))
    new = [Package(app=place.app, model_version=one, modeler_version=other) for one, other in sorted(wanted - known)]
    if new:
        Package.objects.bulk_create(new, ignore_conflicts=True)


def _apply(place: Environment, header: dict[str, Any]) -> None:
    place.name, place.is_production = _name(header, "environment"), bool(header.get("is_production"))
    place.region = _region(header)
    place.cloud_version = str(header.get("cloud_version") or DEFAULT_CLOUD_VERSION)[:20]
    place.is_nightly_on = bool(header.get("is_nightly_on", True))
    slug = _slug(header, "environment")
    if place.slug != slug:
        is_taken = Environment.objects.filter(app=place.app, slug=slug).exclude(pk=place.pk).exists()
        beginning = place.pk.hex[:8]
        place.slug = f"{slug[: LONGEST_SLUG - len(beginning) - 1]}-{beginning}" if is_taken else slug


def _region(header: dict[str, Any]) -> Region:
    """One that is not known here gets the zone UTC and no nights, until somebody says better."""
    slug = _slug(header, "region")
    found, _ = Region.objects.get_or_create(slug=slug, defaults={"name": _titled(slug), "zone": "UTC"})
    return found


def _slug(header: dict[str, Any], name: str) -> str:
    slug = str(header.get(name, ""))
    try:
        validate_slug(slug)
    except ValidationError:
        slug = ""
    if not 0 < len(slug) <= LONGEST_SLUG:
        raise ManifestNotReadable(f"Its list names no {name} that could be one.")
    return slug


def _name(header: dict[str, Any], name: str) -> str:
    return str(header.get(f"{name}_name") or _titled(_slug(header, name))).replace("\0", "")[:LONGEST_NAME]


def _titled(slug: str) -> str:
    return slug.replace("-", " ").replace("_", " ").title()
