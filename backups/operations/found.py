"""Found: what an uploaded file holds, read to its end; and what a person should know of it before it is used."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from django.conf import settings

from environments.models import Environment

from ..choices import UploadPart
from ..engines import postgresql
from ..engines.explaining import NOTHING_CHANGED
from ..engines.preflight import look_before
from ..engines.toc import Toc, read_toc
from ..engines.tools import Tools
from ..errors import DumpIncomplete, UploadRefused
from ..storage.documents_store import store_of
from ..storage.extract import Inspection, Limits, extract_dump, inspect
from ..storage.recognise import FULL_BACKUPS_TAKEN, WORDS, recognise, require_archive, require_dump
from ..storage.recognise_dump import DumpHeader, newest_read_by
from .exchange import place_of
from .kinship import why_strange

BLOCK = 1 << 20
FAR_FEWER = 0.1  # of the uploaded files that are there now
NAMED = 5
NO_LIMIT = 1 << 62  # bytes, where a store tells of none
Beat = Callable[[int, int], None]


class Found(NamedTuple):
    """`facts` are shown, `warnings` are sentences; `inspection` is an archive's, for its unpacking."""

    sha256: str
    facts: dict[str, Any]
    warnings: list[str]
    inspection: Inspection | None = None


def limits_of(environment: Environment) -> Limits:
    """What an archive may be: by the settings, and unpacked at most half of what is free where it goes."""
    free = store_of(environment.files_address).free_bytes()
    return Limits(unpacked_bytes=NO_LIMIT if free is None else free // 2, **settings.UPLOAD_LIMITS)


def look_at_dump(path: Path, environment: Environment, tools: Tools, *, label: str, beat: Beat) -> Found:
    """Read a dump to its end, as a restore would. One full read, hashed on the way.

    Raises:
        UploadRefused: it is none, or not whole, or not readable here.
    """
    with path.open("rb", buffering=0) as file:
        recognised = recognise(file)
        header = require_dump(recognised, newest=newest_read_by(tools.major), compressions=tools.compressions)
        reading = _Reading(file, path.stat().st_size, beat)
        try:
            toc = read_toc(path, tools, beat=reading.tick)
            postgresql.check_dump(reading.blocks, tools, label=label, beat=reading.tick)
        except DumpIncomplete as error:
            raise UploadRefused("dump-damaged", f"{error} Nothing was changed. Make the dump anew.") from None
        facts = {"kind": recognised.what, "database_bytes": reading.size, **_facts(header, toc)}
        warnings = [*_warnings_of_dump(toc), *_met_here(toc, environment)]
        sha256 = reading.finish()
        strange = why_strange(path, toc, environment, tools, sha256=sha256, beat=reading.tick) if toc.tables else ""
        return Found(sha256, facts, [strange, *warnings] if strange else warnings)


def _met_here(toc: Toc, environment: Environment) -> list[str]:
    """What the dump would meet on the environment's server. Raises: UploadRefused (server): it would not end well."""
    findings = look_before(place_of(environment), toc, is_untrusted=True)
    if findings.refused:
        raise UploadRefused("server", " ".join([*findings.refused, NOTHING_CHANGED]))
    return findings.warned


class _Reading:
    """A file's blocks, once, hashed and told of as they are taken."""

    def __init__(self, file: BinaryIO, size: int, beat: Beat) -> None:
        self.size, self._done, self._sum, self._beat = size, 0, hashlib.sha256(), beat
        self.blocks = self._read(file)

    def tick(self) -> None:
        self._beat(self._done, self.size)

    def finish(self) -> str:
        """Take what nobody wanted, behind a dump's end; the SHA-256 of the whole."""
        for _ in self.blocks:
            pass
        return self._sum.hexdigest()

    def _read(self, file: BinaryIO) -> Iterator[bytes]:
        while block := file.read(BLOCK):
            self._sum.update(block)
            self._done += len(block)
            self.tick()
            yield block


def look_at_archive(
    path: Path,
    part: UploadPart,
    environment: Environment,
    tools: Tools | None,
    *,
    scratch: Path,
    label: str,
    beat: Beat,
) -> Found:
    """Read an archive to its end, and the dump of a full backup, too. `scratch`: a folder for that dump.

    Raises:
        UploadRefused: it is none, or not whole, or holds what is not taken.
    """
    limits = limits_of(environment)
    with path.open("rb", buffering=0) as file:
        if part == UploadPart.FULL:
            require_archive(recognise(file), taken=FULL_BACKUPS_TAKEN)
        inspection = inspect(file, limits, beat=beat, allow_empty=True)
        found = _found(inspection, part, environment)
        if part != UploadPart.FULL:
            return found
        if inspection.dump is None or tools is None:
            raise UploadRefused(
                "no-dump",
                "The archive holds no database dump (db/db.backup), so it is no full backup. Nothing was changed. "
                "Upload it as uploaded files, or choose another file.",
            )
        dump = scratch / "db.backup"
        extract_dump(file, limits, into=dump, inspection=inspection, beat=beat)
    inside = look_at_dump(dump, environment, tools, label=label, beat=beat)
    dump.unlink()
    facts = {**inside.facts, **found.facts, "kind": f"{WORDS[inspection.kind]} with a full backup"}
    return Found(found.sha256, facts, [*inside.warnings, *found.warnings], inspection)


def _found(inspection: Inspection, part: UploadPart, environment: Environment) -> Found:
    about = inspection.metadata or {}
    count, _ = store_of(environment.files_address).measure()
    facts: dict[str, Any] = {
        "kind": WORDS[inspection.kind],
        "entries": inspection.entries,
        "files": inspection.files,
        "folders": inspection.folders,
        "files_bytes": inspection.bytes,
        "files_now": count,
        "is_empty": not inspection.files,
        "model_version": _said(about, "model_version"),
        "modeler_version": _said(about, "modeler_version"),
        "from_app": _said(about, "app"),
        "from_environment": _said(about, "environment_name"),
        "data_at": _said(about, "data_at"),
    }
    warnings = []
    if inspection.files < count * FAR_FEWER:
        warnings.append(
            f"The archive holds far fewer files than {environment.name} has now: {inspection.files:,} instead of "
            f"{count:,}."
        )
    if inspection.dump and part == UploadPart.FILES:
        warnings.append(
            "The archive also holds a database dump, which is left out. To bring both, upload it as a full backup."
        )
    if (app := facts["from_app"]) and app != environment.app.slug:
        warnings.append(f"The archive says that it is a backup of another app, {app!a}.")
    return Found(inspection.sha256, facts, warnings, inspection)


def _said(about: dict[str, Any], name: str) -> str:
    """What an archive says of itself is somebody's word: text, and not too much of it."""
    value = about.get(name)
    return "".join(filter(str.isprintable, value))[:200] if isinstance(value, str) else ""


def _facts(header: DumpHeader, toc: Toc) -> dict[str, Any]:
    return {
        "tables": toc.tables,
        "dump_entries": len(toc.lines),
        "dumped_from": toc.dumped_from or header.server,
        "made_by": header.client,
        "database": "".join(filter(str.isprintable, header.database)),
        "compression": header.compression,
    }


def _warnings_of_dump(toc: Toc) -> list[str]:
    warnings = []
    if not toc.tables:
        warnings.append("The dump holds no table.")
    if left_out := toc.left_out():
        named = ", ".join(left_out[:NAMED]) + (", …" if len(left_out) > NAMED else "")
        warnings.append(f"Not loaded, because it reaches beyond one database: {named}.")
    return warnings
