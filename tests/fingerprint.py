"""What a database and a tree hold, in a form that can be compared."""

import hashlib
import os
import stat
import subprocess
from pathlib import Path

from environments.addresses import DatabaseAddress
from portal.demo.postgres import server_programs


def of_database(address: DatabaseAddress) -> str:
    """The plain dump without what differs from run to run, as SHA-256."""
    return hashlib.sha256("\n".join(plain_dump(address)).encode()).hexdigest()


def plain_dump(address: DatabaseAddress) -> list[str]:
    """The plain dump's lines, without comments and without the random \\restrict keys."""
    command = [str(server_programs() / "pg_dump"), "--no-owner", "-d", address.to_url()]
    environ = {"PGPASSWORD": address.password, "PATH": os.environ["PATH"]}
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stdout
    return [line for line in said.splitlines() if line and not line.startswith(("--", "\\restrict", "\\unrestrict"))]


def of_tree(root: Path) -> dict[bytes, tuple[int, str]]:
    """Every regular file and folder below: its permission bits, and a file's SHA-256 (folders: "")."""
    found = {}
    top = os.fsencode(root)
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(folder, name)  # noqa: PTH118 - names may be no text
            facts = os.lstat(path)
            if stat.S_ISDIR(facts.st_mode):
                found[os.path.relpath(path, top)] = (stat.S_IMODE(facts.st_mode), "")
            elif stat.S_ISREG(facts.st_mode):
                with open(path, "rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                found[os.path.relpath(path, top)] = (stat.S_IMODE(facts.st_mode), digest)
    return found
