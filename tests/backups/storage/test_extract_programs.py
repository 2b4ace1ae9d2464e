"""What people's own programs pack comes out as they packed it."""

import subprocess
from pathlib import Path

import pytest

from backups.storage.extract import extract, inspect

from .unpacking import limits, no_beat, tree, writer_of

COMMANDS = {
    "7z, zip": "7z a -tzip -bso0 {into}.zip .",
    "7z, zip stored": "7z a -tzip -mx=0 -bso0 {into}.zip .",
    "7z, tar": "7z a -ttar -bso0 {into}.tar .",
    "bsdtar, zip": "bsdtar -c --format zip -f {into}.zip .",
    "bsdtar, zip stored": "bsdtar -c --format zip --options zip:compression=store -f {into}.zip .",
    "bsdtar, ustar": "bsdtar -c --format ustar -f {into}.tar .",
    "bsdtar, pax": "bsdtar -c --format pax -f {into}.tar .",
    "bsdtar, gnu, packed": "bsdtar -c -z --format gnutar -f {into}.tar.gz .",
    "tar, packed": "tar -czf {into}.tar.gz .",
    "tar, pax": "tar --format=pax -cf {into}.tar .",
    "tar, ustar": "tar --format=ustar -cf {into}.tar .",
    "tar, old gnu": "tar --format=oldgnu -cf {into}.tar .",
}
FILES = {
    "a.txt": b"hello",
    "empty": b"",
    "noise.bin": bytes(range(256)) * 5_000,
    "photos/2026/é – 文字.jpg": b"\xff\xd8" * 99,
    "deep/" * 30 + "x": b"x",
    "n" * 140: b"a long name",
    "report.": b"dot",
    " spaced ": b"spaces",
}


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A folder with files as people have them, to be packed from inside."""
    folder = tmp_path / "packed"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "nothing in it").mkdir()
    (folder / "a.txt").chmod(0o4755)
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_it_comes_out_as_it_was_packed(command: str, packed: Path, tmp_path: Path) -> None:
    if "ustar" in command:
        (packed / ("n" * 140)).unlink()
    written = COMMANDS[command].format(into=tmp_path / "archive").split(" ")
    subprocess.run(written, cwd=packed, check=True, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin:/usr/local/bin"})
    into = tmp_path / "into"
    into.mkdir()

    (archive,) = tmp_path.glob("archive*")
    with archive.open("rb") as file, writer_of(into) as writer:
        seen = inspect(file, limits(), beat=no_beat)
        extract(file, writer, limits(), inspection=seen, beat=no_beat)

    assert tree(into) == tree(packed)
    assert seen.files == len([content for content in tree(packed).values() if content is not None])
