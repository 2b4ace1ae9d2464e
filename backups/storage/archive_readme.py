"""What an archive says of itself: to programs in .metadata, to people in README.txt."""

import json
from collections.abc import Mapping
from typing import Any

FORMAT = "portal-archive"


def metadata_json(form: int, about: Mapping[str, Any]) -> bytes:
    return json.dumps({"format": f"{FORMAT}/{form}", **about}, indent=2).encode() + b"\n"


def readme_text(about: Mapping[str, Any], filename: str, *, has_dump: bool, has_written_names: bool) -> bytes:
    """How to get everything back without the portal. `filename` is the archive's own."""
    parts = [_heading(about, has_dump=has_dump), _unpacking(filename)]
    if has_dump:
        parts.append(_database(about))
    parts += [_files(), _names(has_written_names=has_written_names)]
    return "\n\n".join(parts).encode() + b"\n"


def _heading(about: Mapping[str, Any], *, has_dump: bool) -> str:
    what = "database and uploaded files" if has_dump else "uploaded files"
    comment = f"\nComment: {' '.join(about['comment'].split())}" if about["comment"] else ""
    package = f"\nModel version {about['model_version']}" if about["model_version"] else ""
    package += f", modeler version {about['modeler_version']}" if package and about["modeler_version"] else ""
    return (
        f"Backup of {about['app_name']}, {about['environment_name']}: {what}\n"
        f"Data of {_moment(about['data_at'] or about['created_at'])}, asked for by {about['created_by']}"
        f"{package}{comment}"
    )


def _moment(iso: str) -> str:
    return f"{iso[:10]} {iso[11:16]} UTC"


def _unpacking(filename: str) -> str:
    command = "mkdir back && tar -xzf" if filename.endswith(".tar.gz") else "unzip -d back"
    return (
        "What follows gets everything back without the portal, with public tools.\n\n"
        "UNPACK AND CHECK\n\n"
        f"    {command} {filename}{' -C back' if filename.endswith('.tar.gz') else ''}\n"
        "    cd back\n"
        "    sha256sum --check --quiet SHA256SUMS\n\n"
        "The last command says nothing when every file is what was saved. Any tool that reads zip64 unpacks a .zip\n"
        "of more than 4 GB."
    )


def _database(about: Mapping[str, Any]) -> str:
    client, server = about["client_version"], about["server_version"]
    major = client.partition(".")[0]
    return (
        "DATABASE\n\n"
        f"db/db.backup was written by pg_dump {client} in its custom format, from a PostgreSQL {server} server.\n"
        f"It needs pg_restore of version {major} or newer (pg_restore --version says which one there is), and a\n"
        f"server of version {max(major, server.partition('.')[0], key=_as_number)} or newer takes it as it is:\n\n"
        "    createdb NAME\n"
        "    pg_restore --no-owner --no-privileges --exit-on-error --dbname NAME db/db.backup\n\n"
        "Without --no-owner and --no-privileges the roles that own the tables have to exist. To look into it:\n"
        "pg_restore --list db/db.backup."
    )


def _as_number(major: str) -> int:
    return int(major) if major.isdigit() else 0


def _files() -> str:
    return (
        "UPLOADED FILES\n\n"
        "They lie under tree/, by their own paths. Put them where the app expects them:\n\n"
        "    cp -a tree/. /path/to/the/files/\n\n"
        "Links and devices are not in a backup. .metadata tells programs what this text tells people."
    )


WRITTEN = """
Names that are not UTF-8, hold control characters, or look as if they were written in this way, are
written with percents: %0A stands for a line break, %25 for a percent. NAMES.json maps each of them to
the original; bytes that are no UTF-8 stand there as \\udc80 to \\udcff. To give the names back, after
checking and before copying:

    python3 -c 'import json, os; [os.renames(*pair) for pair in json.load(open("NAMES.json")).items()]'

A part of a name that has become longer than 255 bytes cannot be unpacked by unzip or tar; Python's
zipfile and tarfile can read it and write it under its original name.
""".strip()
NOT_WRITTEN = "Every file has its own name here, so NAMES.json is empty."
WINDOWS = """
Windows knows no names with any of \\ : * ? " < > | in them, none that end in a dot or a space, and does
not tell A from a: some tools rename such files there, others stop. Unpack on Linux, or inside WSL.
""".strip()


def _names(*, has_written_names: bool) -> str:
    return "\n\n".join(("NAMES", WRITTEN if has_written_names else NOT_WRITTEN, WINDOWS))
