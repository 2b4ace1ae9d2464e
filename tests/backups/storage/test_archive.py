"""Archives hold every file byte for byte, as tools that everybody has unpack them."""

import json
import os
import stat
import subprocess
import unicodedata
import zipfile
from pathlib import Path

import pytest

from backups.storage.archive import ArchiveSums, DumpArchive
from backups.storage.columns import FileColumns
from backups.storage.vault import DirectoryVault, Vault
from tests import rich

from ..taken import AT, DUMP, Taken, keep, tree_of, whole
from .unpacking import unpack

ENTRIES_AT_THE_END = ["SHA256SUMS", "NAMES.json", ".metadata", "README.txt"]
ZIP_TOOLS = [["unzip", "-q"], ["7z", "x", "-y"], ["bsdtar", "-xf"]]
TAR_TOOLS = [["tar", "-xzf"], ["bsdtar", "-xzf"]]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("files")
    rich.fill_tree(root, small=1500)
    os.utime(root / "deep" / "secret", ns=(1_600_000_000 * 10**9 + 7, 1_600_000_000 * 10**9 + 7))
    return root


@pytest.fixture(scope="module")
def taken(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """Nobody changes it."""
    vault = DirectoryVault(location=tmp_path_factory.mktemp("vault"))
    return keep(filled, vault)


def unpacked(tool: list[str], archive: bytes, folder: Path) -> Path:
    (folder / "archive").write_bytes(archive)
    home = folder / "home"
    home.mkdir()
    subprocess.run([*tool, str(folder / "archive")], cwd=home, check=True, capture_output=True)
    return home


def with_own_names(home: Path) -> dict[bytes, bytes | None]:
    """What was unpacked below tree/, under the names that NAMES.json tells."""
    names = json.loads((home / "NAMES.json").read_text())
    found = {b"tree/" + path: content for path, content in tree_of(home / "tree").items()}
    for name, original in names.items():
        found[os.fsencode(original).removesuffix(b"/")] = found.pop(os.fsencode(name).removesuffix(b"/"))
    return {path.removeprefix(b"tree/"): content for path, content in found.items()}


@pytest.mark.parametrize("tool", ZIP_TOOLS, ids=lambda tool: tool[0])
def test_every_zip_tool_brings_back_every_byte(tool: list[str], taken: Taken, filled: Path, tmp_path: Path) -> None:
    home = unpacked(tool, whole(taken.archive()), tmp_path)

    found, expected = with_own_names(home), tree_of(filled)
    if tool[0] == "bsdtar":  # composes accents
        found, expected = ({_composed(path): content for path, content in one.items()} for one in (found, expected))
    assert found == expected
    assert (home / "db" / "db.backup").read_bytes() == DUMP


@pytest.mark.parametrize("tool", TAR_TOOLS, ids=lambda tool: tool[0])
def test_every_tar_tool_brings_back_every_byte(tool: list[str], taken: Taken, filled: Path, tmp_path: Path) -> None:
    home = unpacked(tool, whole(taken.archive(is_tar=True)), tmp_path)

    assert with_own_names(home) == tree_of(filled)
    assert (home / "db" / "db.backup").read_bytes() == DUMP
    secret = (home / "tree" / "deep" / "secret").stat()
    assert (stat.S_IMODE(secret.st_mode), secret.st_mtime) == (0o640, 1_600_000_000)


def _composed(path: bytes) -> str:
    return unicodedata.normalize("NFC", os.fsdecode(path))


def test_modes_and_times_come_back_from_a_zip(taken: Taken, tmp_path: Path) -> None:
    home = unpacked(["unzip", "-q"], whole(taken.archive()), tmp_path)

    secret = (home / "tree" / "deep" / "secret").stat()
    assert (stat.S_IMODE(secret.st_mode), secret.st_mtime) == (0o640, 1_600_000_000)
    assert (home / "README.txt").stat().st_mtime == AT


@pytest.mark.parametrize("has_dump", [True, False])
@pytest.mark.parametrize("is_tar", [True, False])
def test_the_checksums_fit_and_leave_nothing_out(taken: Taken, tmp_path: Path, has_dump: bool, is_tar: bool) -> None:
    tool = ["tar", "-xzf"] if is_tar else ["unzip", "-q"]
    home = unpacked(tool, whole(taken.archive(has_dump=has_dump, is_tar=is_tar)), tmp_path)

    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=home, check=True)
    listed = {line[66:] for line in (home / "SHA256SUMS").read_text().splitlines()}
    files = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    assert listed == files - set(ENTRIES_AT_THE_END)
    assert ("db/db.backup" in files) == has_dump


def test_the_entries_stand_in_order_and_what_may_change_stands_last(taken: Taken, tmp_path: Path) -> None:
    (tmp_path / "live.zip").write_bytes(whole(taken.archive()))
    with zipfile.ZipFile(tmp_path / "live.zip") as archive:
        names = archive.namelist()
        assert archive.testzip() is None
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}

    assert names[0] == "db/db.backup"
    assert names[-4:] == ENTRIES_AT_THE_END
    assert {name.split("/")[0] for name in names[1:-4]} == {"tree"}
    tar = whole(taken.archive(is_tar=True))
    (tmp_path / "live.tar.gz").write_bytes(tar)
    listed = subprocess.run(
        ["tar", "--quoting-style=literal", "-tzf", str(tmp_path / "live.tar.gz")], check=True, capture_output=True
    )
    assert listed.stdout.decode().splitlines() == names


def test_python_reads_the_same_files(taken: Taken, filled: Path, tmp_path: Path) -> None:
    (tmp_path / "live.zip").write_bytes(whole(taken.archive(has_dump=False)))
    with zipfile.ZipFile(tmp_path / "live.zip") as archive:
        assert archive.read("tree/large.bin") == (filled / "large.bin").read_bytes()
        assert archive.read("tree/odd/ümläut.txt") == (filled / "odd" / "ümläut.txt").read_bytes()
        assert archive.getinfo("tree/empty/").is_dir()


def test_an_environment_without_files_makes_an_archive_too(root: Path, vault: Vault, tmp_path: Path) -> None:
    home = unpacked(["unzip", "-q"], whole(keep(root, vault).archive()), tmp_path)

    assert sorted(path.name for path in home.iterdir()) == sorted([*ENTRIES_AT_THE_END, "db"])
    assert (home / "NAMES.json").read_bytes() == b"{}"


def test_what_a_backup_is_stands_in_its_metadata(taken: Taken, tmp_path: Path) -> None:
    home = unpacked(["unzip", "-q"], whole(taken.archive(comment="späť \u2028 <b>")), tmp_path)

    metadata = json.loads((home / ".metadata").read_text())
    assert metadata["format"] == "portal-archive/1"
    assert metadata["comment"] == "späť \u2028 <b>"


def test_the_readme_says_which_pg_restore_is_needed(taken: Taken, tmp_path: Path) -> None:
    home = unpacked(["unzip", "-q"], whole(taken.archive(client_version="17.10", server_version="15.3")), tmp_path)

    readme = (home / "README.txt").read_text()
    assert "pg_restore of version 17 or newer" in readme
    assert "unzip -d back live.zip" in readme
    assert "Before the migration" in readme
    assert max(map(len, readme.splitlines())) <= 110


def test_the_readme_of_files_alone_speaks_of_no_database(taken: Taken, tmp_path: Path) -> None:
    home = unpacked(["tar", "-xzf"], whole(taken.archive(has_dump=False, is_tar=True)), tmp_path)

    readme = (home / "README.txt").read_text()
    assert "pg_restore" not in readme
    assert "tar -xzf live.tar.gz" in readme


def test_the_words_of_the_readme_give_the_names_back(taken: Taken, filled: Path, tmp_path: Path) -> None:
    home = unpacked(["unzip", "-q"], whole(taken.archive()), tmp_path)
    words = next(line for line in (home / "README.txt").read_text().splitlines() if "python3 -c" in line)

    subprocess.run(["sh", "-c", words], check=True, cwd=home)

    assert tree_of(home / "tree") == tree_of(filled)


@pytest.mark.parametrize("is_tar", [True, False], ids=["tar.gz", "zip"])
def test_the_portal_takes_its_own_archives_back(taken: Taken, filled: Path, tmp_path: Path, is_tar: bool) -> None:
    into = tmp_path / "into"
    into.mkdir()

    seen = unpack(whole(taken.archive(is_tar=is_tar)), into)

    assert seen.has_metadata and seen.dump and seen.dump.sha256 == taken.dump.sha256
    assert tree_of(into) == tree_of(filled)


def test_the_same_backup_makes_the_same_bytes(taken: Taken) -> None:
    for is_tar in (False, True):
        assert whole(taken.archive(is_tar=is_tar)) == whole(taken.archive(is_tar=is_tar))


def test_a_comment_changes_nothing_before_the_metadata(taken: Taken) -> None:
    one, other = whole(taken.archive(comment="")), whole(taken.archive(comment="a longer one"))

    same = one.index(b"PK\3\4", one.index(b"NAMES.json") + 10)
    assert one[:same] == other[:same]
    assert one != other


def test_facts_are_the_same_however_the_rows_come(taken: Taken) -> None:
    sums = ArchiveSums()
    for columns in taken.reader.columns():
        if isinstance(columns, FileColumns):
            for start in range(0, len(columns), 7):
                sums.add_files(_slice(columns, start, start + 7))
        else:
            sums.add_folders(columns)

    assert json.loads(json.dumps(sums.end(taken.dump))) == taken.reader.end["archives"]


def _slice(columns: FileColumns, start: int, stop: int) -> FileColumns:
    rest = {name: getattr(columns, name)[start:stop] for name in FileColumns.__slots__ if name != "sha256"}
    return FileColumns(**rest, sha256=columns.sha256[64 * start : 64 * stop])


def test_facts_of_another_form_are_computed_anew(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = whole(taken.archive())
    end = taken.reader.end
    for facts in ({}, None, {"form": 0}):
        monkeypatch.setattr("backups.storage.manifest.ManifestReader.end", {**end, "archives": facts})
        assert whole(taken.archive()) == expected


def test_the_dump_is_taken_as_it_is(taken: Taken) -> None:
    for is_checked in (True, False):
        archive = DumpArchive(taken.vault, taken.dump, is_checked=is_checked)
        assert whole(archive) == DUMP
        assert b"".join(archive.stream(7, 5000)) == DUMP[7:5000]


def test_names_that_look_written_do_not_meet_those_that_are(root: Path, vault: Vault, tmp_path: Path) -> None:
    for number, name in enumerate((b"a\nb", b"a%0Ab", b"a%250Ab", b"a%25250Ab", b"100%", b"%41", b"a%0ab")):
        with open(os.fsencode(root) + b"/" + name, "wb") as file:
            file.write(b"file %d" % number)

    home = unpacked(["unzip", "-q"], whole(keep(root, vault).archive()), tmp_path)

    assert with_own_names(home) == tree_of(root)
    assert {"100%", "%41", "a%0ab"} <= {path.name for path in (home / "tree").iterdir()}
