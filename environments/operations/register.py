"""Register: tell the portal where an app runs, or what changed there. Checks first; a refusal changes nothing."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, validate_slug
from django.db import IntegrityError, transaction

from ..actors import Actor
from ..addresses import DatabaseAddress
from ..choices import Role
from ..errors import Refused, RegistrationRefused
from ..files_address import FilesAddress
from ..inspections import DATABASE, FILES, inspect
from ..models import App, AppService, Environment, Package, Region, record
from ..states import look
from .check import check, check_nothing_is_under_way
from .invite import Invited, invite

Address = TypeVar("Address", DatabaseAddress, FilesAddress)

DEFAULT_REGION, DEFAULT_CLOUD_VERSION = "europe", "v4"
LONGEST_SLUG = 60
# Changing these while something works there would lead its second half elsewhere than its first.
FILES_PLACE = {"files_directory", "files_secret"}
PLACE = {"database", "database_password", "admin_database", "admin_database_password", *FILES_PLACE}
NOT_REGISTERED = {"state", "state_at", "state_since", "nightly_since", "created_at"}
CONNECTION = {*PLACE, "template_database"} - FILES_PLACE
SAID = {
    "database_password": "database password",
    "admin_database": "maintenance role",
    "admin_database_password": "maintenance role's password",
    "files_directory": "files directory",
    "files_secret": "secret of the uploaded files' store",
    "is_production": "purpose",
    "is_nightly_on": "nightly backups",
    "deleted_at": "registered again",
}


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What is said about an environment. None: as it is, or the usual for a new one. Empty: none any more.

    database, admin_database: addresses with their passwords, written postgresql://user:password@host:port/name.
    commands: by name (status, stop, start, deploy, undeploy, services, files), each one line.
    services: (name, version).
    files: a directory, or s3://KEY:SECRET@bucket/prefix.
    contact: the mail address of a person who becomes the app's technical contact, and is invited.
    """

    app_name: str | None = None
    name: str | None = None
    database: str | None = None
    admin_database: str | None = None
    template_database: str | None = None
    files: str | None = None
    is_production: bool | None = None
    region: str | None = None
    cloud_version: str | None = None
    is_nightly_on: bool | None = None
    model_version: str | None = None
    modeler_version: str | None = None
    commands: Mapping[str, str] = field(default_factory=dict)
    services: Sequence[tuple[str, str]] = ()
    contact: str | None = None


@dataclass(frozen=True)
class Registered:
    """The environment as it is now, whether it is new, what is to be remarked of its database, and who was invited."""

    environment: Environment
    is_new: bool
    remarks: list[str]
    invited: Invited | None


def register(name: str, wishes: Wishes, *, by: Actor) -> Registered:
    """Create an environment and its app, or change what is said; `name` is written app/environment.

    Raises:
        RegistrationRefused, AddressNotReadable, InvitationRefused: with what does not fit; nothing was changed.
    """
    environment, is_new = _find(name)
    before = {} if is_new else remembered(environment)
    _apply(wishes, environment)
    check(environment)
    changed = set(remembered(environment)) if is_new else differences(before, environment)
    if not is_new and changed & PLACE:
        check_nothing_is_under_way(environment)
    asked = {*parts_of(changed), *([DATABASE] if wishes.database else []), *([FILES] if wishes.files else [])}
    remarks = inspect(environment, asked)
    try:
        with transaction.atomic():
            _save(environment, wishes, changed, is_new=is_new, by=by)
            contact = wishes.contact
            invited = invite(contact, environment.app, Role.TECHNICAL_CONTACT, by=by) if contact else None
    except IntegrityError:
        raise RegistrationRefused(
            f"{environment} was registered by somebody else at the same moment. Look, then try again."
        ) from None
    look(environment)
    return Registered(environment, is_new, remarks, invited)


def remembered(environment: Environment) -> dict[str, Any]:
    """Everything about an environment that can be registered, by field; to compare with later."""
    names = [one.attname for one in Environment._meta.concrete_fields if one.attname not in NOT_REGISTERED]
    return {name: getattr(environment, name) for name in names} | {"commands": dict(environment.commands)}


def differences(before: Mapping[str, Any], environment: Environment) -> set[str]:
    """The fields that are not as they were. A password that stayed the same is encrypted to other letters."""
    now = remembered(environment)
    return {name for name, value in now.items() if before.get(name) != value}


def parts_of(changed: Collection[str]) -> list[str]:
    """What has to be looked at again when these fields changed."""
    return [part for part, fields in ((DATABASE, CONNECTION), (FILES, FILES_PLACE)) if fields & set(changed)]


def remember(environment: Environment, changed: set[str], *, is_new: bool, by: Actor) -> None:
    """Write a registration or a change into the environment's history. Call it in the transaction of the effect."""
    if is_new:
        record(environment, "environment.registered", f"{by.name} registered {environment.name}.", by=by)
    elif changed:
        words = ", ".join(sorted(_said(name) for name in changed))
        record(environment, "environment.changed", f"{by.name} changed {environment.name}: {words}.", by=by)


def _find(name: str) -> tuple[Environment, bool]:
    app_slug, divided, slug = name.partition("/")
    try:
        for one in (app_slug, slug):
            validate_slug(one)
            MaxLengthValidator(LONGEST_SLUG)(one)
    except ValidationError:
        divided = ""
    if not divided:
        raise RegistrationRefused(
            f"{name!r} is no name for an environment; write app/environment, in letters, digits, hyphens and "
            f"underscores, {LONGEST_SLUG} at most each."
        )
    rows = Environment.objects.select_related("app", "region", "package")
    if found := rows.filter(app__slug=app_slug, slug=slug).first():
        return found, False
    app = App.objects.filter(slug=app_slug).first() or App(slug=app_slug, name=_as_name(app_slug))
    return Environment(app=app, slug=slug, name=_as_name(slug), cloud_version=DEFAULT_CLOUD_VERSION), True


def _apply(wishes: Wishes, environment: Environment) -> None:
    """Put what is said into the row, which is not saved."""
    if not environment.database and not (wishes.database and wishes.files):
        raise RegistrationRefused(f"{environment} is new; it needs a database and a files directory.")
    environment.deleted_at = None
    if wishes.region or environment.region_id is None:
        environment.region = _region(wishes.region or DEFAULT_REGION)
    plain = {
        "name": wishes.name or None,
        "template_database": wishes.template_database,
        "is_production": wishes.is_production,
        "cloud_version": wishes.cloud_version or None,
        "is_nightly_on": wishes.is_nightly_on,
    }
    for attribute, value in plain.items():
        if value is not None:
            setattr(environment, attribute, value)
    environment.commands = {name: line for name, line in {**environment.commands, **wishes.commands}.items() if line}
    environment.app.name = wishes.app_name or environment.app.name
    _apply_addresses(wishes, environment)
    if wishes.model_version or wishes.modeler_version:
        environment.package = _package(wishes, environment)


def _apply_addresses(wishes: Wishes, environment: Environment) -> None:
    """An address that is the same stays as it lies: the same password is never encrypted to the same letters."""
    if wishes.database:
        address = DatabaseAddress.parse(wishes.database)
        if address != _readable(lambda: environment.database_address):
            environment.database_address = address
    if wishes.admin_database is not None:
        admin = DatabaseAddress.parse(wishes.admin_database) if wishes.admin_database else None
        if admin is None or admin != _readable(lambda: environment.admin_address):
            environment.admin_address = admin
    if wishes.files:
        files, known = FilesAddress.parse(wishes.files), _readable(lambda: environment.files_address)
        if known and not files.secret and files.is_same_login(known):
            files = files.with_secret(known.secret)
        if files != known:
            environment.files_address = files


def _readable(read: Callable[[], Address | None]) -> Address | None:
    try:
        return read()
    except Refused:  # nothing stands there yet, or its key is lost: then a new one is just what is needed
        return None


def _region(slug: str) -> Region:
    if found := Region.objects.filter(slug=slug).first():
        return found
    known = ", ".join(Region.objects.order_by("slug").values_list("slug", flat=True)) or "none"
    raise RegistrationRefused(f"There is no region {slug!r}; known are {known}. Nothing was changed.")


def _package(wishes: Wishes, environment: Environment) -> Package:
    """The package of these versions, saved or not; a version that is not said is that of the current package."""
    current = environment.package
    model_version = wishes.model_version or (current.model_version if current else "")
    modeler_version = wishes.modeler_version or (current.modeler_version if current else "")
    if not model_version:
        raise RegistrationRefused("A modeler version needs a model version beside it. Nothing was changed.")
    facts = {"model_version": model_version, "modeler_version": modeler_version}
    if any(len(version) > LONGEST_SLUG for version in facts.values()):
        raise RegistrationRefused(f"A version has at most {LONGEST_SLUG} characters. Nothing was changed.")
    known = Package.objects.filter(app=environment.app_id, **facts).first()
    return known or Package(app=environment.app, **facts)


def _save(environment: Environment, wishes: Wishes, changed: set[str], *, is_new: bool, by: Actor) -> None:
    environment.app = app = _saved_app(environment.app)
    package = environment.package
    if package and package.pk is None:
        facts = {"model_version": package.model_version, "modeler_version": package.modeler_version}
        environment.package, _ = Package.objects.get_or_create(app=app, **facts)
        changed.add("package_id")
    if is_new:
        environment.save(force_insert=True)
    elif changed:
        environment.save(update_fields={Environment._meta.get_field(name).name for name in changed})
    if _save_services(environment, wishes.services):
        changed.add("services")
    remember(environment, changed, is_new=is_new, by=by)


def _saved_app(app: App) -> App:
    """The same, or that of whoever made it a moment ago: an app's environments may be registered at the same time."""
    if app.pk is None:
        return App.objects.get_or_create(slug=app.slug, defaults={"name": app.name})[0]
    app.save()
    return app


def _save_services(environment: Environment, services: Sequence[tuple[str, str]]) -> bool:
    """Publish these; whether anything is other than before."""
    published = AppService.objects.filter(environment=environment, is_published=True)
    before = set(published.values_list("name", "version"))
    for name, version in services:
        AppService.objects.update_or_create(
            environment=environment, name=name, version=version, defaults={"is_published": True}
        )
    return not before >= set(services)


def _as_name(slug: str) -> str:
    return slug.replace("-", " ").replace("_", " ").title()


def _said(field_name: str) -> str:
    return SAID.get(field_name) or field_name.removesuffix("_id").replace("_", " ")
