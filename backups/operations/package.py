"""Package: make a deployment package known by its versions, and keep its file in the vault. Nothing is written over.

Packages are kept until staff remove them; no rule of retention counts for them.
"""

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from django.db import transaction

from environments import clock
from environments.actors import Actor
from environments.models import App, Package, record

from ..errors import PackageRefused, VaultUnreachable
from ..models import Installation
from ..storage import names
from ..storage.stored import Stored, StoredStream, read_back
from ..storage.vault import BLOCK, Vault, open_vault
from .mark import mark_vault

LONGEST_VERSION: int = Package._meta.get_field("model_version").max_length or 60
LONGEST_NAME, MOST_OF_A_SUFFIX = 200, 20  # in bytes, so that it is a file's name anywhere
LEFT_BEHIND_AFTER = timedelta(hours=24)


def register_package(
    app: App, *, model_version: str, modeler_version: str, file: BinaryIO | None, filename: str, by: Actor
) -> Package:
    """The app's package of these versions, made if it is new; its file is stored and read back.

    The same again changes nothing. A package without a file may get one later, and never another one.

    Raises:
        PackageRefused: the versions cannot be, the file is empty, or this version has other bytes.
        VaultUnreachable, VaultForeign, StoredDiffers: and nothing has changed.
    """
    versions: dict[str, Any] = {"model_version": _version(model_version), "modeler_version": _version(modeler_version)}
    if not versions["model_version"]:
        raise PackageRefused("A package needs a model version. Nothing was registered.")
    known = Package.objects.filter(app=app, **versions).first()
    if file is None:
        return known or _remember(app, versions, by)
    if known and known.has_file:
        _check_same(known, _digest(file))
        return known
    vault = open_vault()
    stored = _store(vault, file)
    kept_as = ""
    try:
        package = _remember(app, versions, by, stored, file_name_of(filename))
        kept_as = package.stored_as
    finally:
        if kept_as != stored.name:  # what cannot be removed now is removed by `discard_left_behind`
            with suppress(VaultUnreachable):
                vault.delete(stored.name)
    return package


def discard_left_behind() -> int:
    """Remove files that no package names: of registrations that were cut off, and of packages that staff removed.

    Returns how many. What began within the last day may still be on its way and stays.

    Raises:
        VaultUnreachable, VaultForeign
    """
    own, vault = Installation.own(), open_vault()
    if own.marked_at is None:
        return 0
    mark_vault(vault)
    there = [f"{names.PACKAGES}/{name}" for name in vault.listdir(names.PACKAGES)[1]]
    ours = set(Package.objects.exclude(stored_as="").values_list("stored_as", flat=True))
    left = [
        name
        for name in [*there, *vault.unfinished(names.PACKAGES)]
        if name not in ours and _is_old(name, own.rebuilt_at)
    ]
    for name in left:
        vault.discard(name)
        vault.delete(name)
    return len(left)


def file_name_of(filename: str) -> str:
    """The name a file came with, as one file's name: no folders, nothing that cannot be printed, its ending kept."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    name = Path("".join(one for one in last if one.isprintable()).strip())
    suffix = name.suffix[:MOST_OF_A_SUFFIX]
    stem = name.stem.encode("utf-8", "ignore")[: LONGEST_NAME - len(suffix.encode("utf-8", "ignore"))]
    shown = stem.decode("utf-8", "ignore") + suffix
    return shown if shown.strip(".") else "package"


def _version(text: str) -> str:
    """A version as it is remembered; it becomes an argument of the operator's commands. Raises: PackageRefused"""
    version = text.strip()
    if len(version) > LONGEST_VERSION:
        raise PackageRefused(f"A version has at most {LONGEST_VERSION} characters. Nothing was registered.")
    if version.startswith("-") or not all(one.isprintable() and not one.isspace() for one in version):
        raise PackageRefused(
            f"{text!r} cannot be a version: write it as 1.4.2.118, without spaces. Nothing was registered."
        )
    return version


def _store(vault: Vault, file: BinaryIO) -> Stored:
    """Write the file to the vault and read it back. Raises: PackageRefused and what the vault raises."""
    mark_vault(vault)
    with StoredStream(vault, names.package(clock.now(), uuid.uuid4()), has_crc=False) as stream:
        for block in _blocks(file):
            stream.write(block)
        if not stream.size:
            raise PackageRefused("The package's file is empty. Nothing was registered.")
        stored = stream.commit()
    try:
        read_back(vault, stored)
    except BaseException:
        with suppress(VaultUnreachable):
            vault.delete(stored.name)
        raise
    return stored


def _remember(
    app: App, versions: dict[str, Any], by: Actor, stored: Stored | None = None, file_name: str = ""
) -> Package:
    """The row, and the app's histories. Whoever was faster with the same version has the file that counts."""
    with transaction.atomic():
        package, is_new = Package.objects.get_or_create(app=app, **versions)
        is_ours = False
        if stored is not None:
            facts = {"file_name": file_name, "file_bytes": stored.size, "file_sha256": stored.sha256}
            without = Package.objects.filter(pk=package.pk, stored_as="")
            is_ours = bool(without.update(stored_as=stored.name, **facts))
            package.refresh_from_db()
            _check_same(package, (stored.size, stored.sha256))
        if is_new or is_ours:
            _tell(package, by, is_new=is_new)
    return package


def _tell(package: Package, by: Actor, *, is_new: bool) -> None:
    """Write it into the history of every environment that could have it deployed."""
    deed = f"registered the package {package}" if is_new else f"added the file of the package {package}"
    for environment in package.app.environments.live().select_related("app"):
        record(
            environment,
            "package.registered",
            f"{by.name} {deed}.",
            by=by,
            package=package.pk,
            file_name=package.file_name,
            bytes=package.file_bytes,
            sha256=package.file_sha256,
        )


def _check_same(package: Package, found: tuple[int, str]) -> None:
    if found != (package.file_bytes, package.file_sha256):
        raise PackageRefused(
            f"The package {package} is already here with another file ({package.file_name}), and a version never "
            "changes. Nothing was registered; give the new file a version of its own."
        )


def _digest(file: BinaryIO) -> tuple[int, str]:
    size, sha256 = 0, hashlib.sha256()
    for block in _blocks(file):
        size += len(block)
        sha256.update(block)
    return size, sha256.hexdigest()


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block


def _is_old(name: str, rebuilt_at: datetime | None) -> bool:
    """What was there when the catalogue was brought back may be a package's of which the portal no longer knows."""
    begun_at = names.package_begun_at(name)
    if begun_at is None or (rebuilt_at and begun_at < rebuilt_at):
        return False
    return begun_at < clock.now() - LEFT_BEHIND_AFTER
