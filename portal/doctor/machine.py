"""What this machine brings: its data directory, room on its disks, static files, programs, and what they give up."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import HashedFilesMixin, staticfiles_storage
from django.db import DatabaseError
from django.db.models import OuterRef, Subquery, Sum

from backups.engines import sandbox
from backups.engines.tools import all_tools, floor_of, is_below_floor
from backups.models import Backup
from backups.storage import spool
from environments.models import Environment

from .finding import GOOD, MISSING, WARNING, Finding

# Less than both is too little: a large disk has much in one percent, a small one little in ten.
LEAST_SHARE, LEAST_BYTES = 0.05, 20 << 30


def look_at_data_directory() -> Iterator[Finding]:
    about = "Data directory"
    for folder in (Path(settings.DATA_DIR), Path(settings.DATA_DIR) / "uploads"):
        try:
            if folder.name == "uploads":
                spool.folder()
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            sentence = f"{folder} cannot be written ({error.strerror}); give the portal's user rights there."
            yield Finding(about, MISSING, sentence)
            return
    yield Finding(about, GOOD, f"{settings.DATA_DIR} can be written.")


def look_at_room() -> Iterator[Finding]:
    """Room where uploads wait and dumps lie for a restore, and for one more night in a vault that is a directory."""
    about, night = "Room", _last_night_bytes()
    places = {"PORTAL_DATA_DIR": str(settings.DATA_DIR)}
    if "://" not in settings.VAULT_LOCATION:
        places["PORTAL_VAULT"] = settings.VAULT_LOCATION
    seen: dict[tuple[int, int], list[str]] = {}
    for name, place in places.items():
        try:
            usage = shutil.disk_usage(place)
        except OSError:  # said where the place itself is looked at
            continue
        seen.setdefault((usage.total, usage.free), []).append(f"{name} ({place})")
    for (total, free), names in seen.items():
        room = f"{free / 1e9:,.1f} of {total / 1e9:,.1f} GB are free at {' and '.join(names)}"
        if free < total * LEAST_SHARE and free < LEAST_BYTES:
            yield Finding(about, MISSING, f"Only {room}; make room there before the next backup needs it.")
        elif free < night and any(name.startswith("PORTAL_VAULT") for name in names):
            took = f"less than the {night / 1e9:,.1f} GB that the last backups of all environments took"
            yield Finding(about, MISSING, f"Only {room}, {took}; make room there before the next night.")
        else:
            yield Finding(about, GOOD, f"{room}.")


def _last_night_bytes() -> int:
    """What the newest backups of all environments brought into the vault, the first ones everything."""
    last = Backup.objects.completed().filter(environment=OuterRef("pk")).order_by("-created_at")
    places = Environment.objects.live().annotate(took=Subquery(last.values("stored_bytes")[:1]))
    try:
        return places.aggregate(all=Sum("took"))["all"] or 0
    except DatabaseError:  # said where the database is looked at
        return 0


def look_at_static_files() -> Iterator[Finding]:
    """Whether what pages are made of was collected, and from this code."""
    about = "Static files"
    if not isinstance(staticfiles_storage, HashedFilesMixin):
        yield Finding(about, GOOD, "They are served as they are.")
        return
    wanted = {name: storage for finder in get_finders() for name, storage in finder.list([])}
    old = [name for name, storage in wanted.items() if not _is_collected(name, Path(storage.path(name)))]
    if old:
        sentence = f"{len(old)} of {len(wanted)} are not collected, or from other code; run manage.py collectstatic."
        yield Finding(about, MISSING, sentence)
    else:
        yield Finding(about, GOOD, f"All {len(wanted)} are collected.")


def _is_collected(name: str, source: Path) -> bool:
    try:
        return (Path(settings.STATIC_ROOT) / name).read_bytes() == source.read_bytes()
    except OSError:
        return False


def look_at_programs() -> Iterator[Finding]:
    about = "Client programs"
    found = all_tools()
    if not found:
        yield Finding(
            about, MISSING, "No pg_dump was found; install PostgreSQL's client programs or set PORTAL_PG_BIN."
        )
    for tools in found:
        where = f"PostgreSQL {tools.version} in {tools.folder}"
        if is_below_floor(tools.version):
            yield Finding(
                about,
                WARNING,
                f"{where} is below {floor_of(tools.major)}: no uploaded dump should be restored with it.",
            )
        else:
            yield Finding(about, GOOD, f"{where}.")


def look_at_sandbox() -> Iterator[Finding]:
    """Whether this machine lets programs give up what reading somebody else's dump does not need."""
    about = "Sandbox"
    if missing := sandbox.missing():
        yield Finding(
            about,
            WARNING,
            f"This machine does not let programs give up their {' and '.join(missing)}, so uploaded dumps are read "
            "with that; allow user namespaces, or take uploads only from people you trust.",
        )
    else:
        yield Finding(about, GOOD, "Uploaded dumps are read without network and without gaining privileges.")
