"""Client programs: where they are found, which fit, what they can do. Versions are those of scripts that say so."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from backups.engines import tools
from backups.engines.tools import all_tools, find_tools
from backups.errors import ToolMissing

from .conftest import majors

Install = Callable[..., Path]
SAYS = '#!/bin/sh\necho "pg_dump (PostgreSQL) {version}"\n'


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Install:
    """A machine without client programs, and a function that installs some of one version in a folder."""
    monkeypatch.setattr(tools, "WHEELS", ())
    monkeypatch.setattr(tools, "DEBIAN", tmp_path / "postgresql")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    settings.PG_BIN = ""

    def one(place: str, version: str, text: str = SAYS) -> Path:
        folder = tmp_path / place
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("pg_dump", "pg_restore"):
            (folder / f"{name}.new").write_text(text.format(version=version))
            (folder / f"{name}.new").chmod(0o755)
            (folder / f"{name}.new").rename(folder / name)
        return folder

    return one


def test_the_servers_own_major_goes_before_newer_ones(install: Install) -> None:
    for version in ("18.1", "16.3", "17.5"):
        install(f"postgresql/{version.split('.')[0]}/bin", version)

    assert [find_tools(major).version for major in (16, 17, 18)] == ["16.3", "17.5", "18.1"]


def test_else_the_nearest_newer_one(install: Install) -> None:
    install("postgresql/18/bin", "18.1")
    install("postgresql/16/bin", "16.3")

    assert (find_tools(17).major, find_tools(14).major) == (18, 16)


def test_a_server_newer_than_every_client_is_refused_with_all_versions(install: Install) -> None:
    install("postgresql/15/bin", "15.4")
    install("path", "16.3 (Debian 16.3-1.pgdg120+1)")

    with pytest.raises(ToolMissing) as refusal:
        find_tools(17)

    assert "The server is PostgreSQL 17" in str(refusal.value)
    assert "15.4, 16.3" in str(refusal.value)
    assert "postgresql-client-17" in str(refusal.value)


def test_a_machine_without_clients_says_so(install: Install) -> None:
    with pytest.raises(ToolMissing, match="found: none"):
        find_tools(17)


def test_the_settings_folder_goes_before_the_others_of_its_version(install: Install, settings: Settings) -> None:
    install("postgresql/17/bin", "17.2")
    settings.PG_BIN = str(install("own", "17.9"))

    assert find_tools(17).version == "17.9"


def test_what_lies_behind_a_link_on_path_is_found(install: Install, tmp_path: Path) -> None:
    real = install("opt/pg/bin", "17.4")
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "pg_dump").symlink_to(real / "pg_dump")

    assert find_tools(17).folder == real


def test_programs_that_do_not_say_their_version_are_passed_over(install: Install) -> None:
    install("postgresql/17/bin", "17.2")
    install("postgresql/18/bin", "", "#!/bin/sh\nexit 1\n")
    install("postgresql/19/bin", "", "#!/bin/nothing\n")
    install("path", "17.1")
    (Path(install("postgresql/16/bin", "16.1")) / "pg_restore").unlink()  # half an installation is none

    assert [one.version for one in all_tools()] == ["17.2", "17.1"]


def test_a_program_that_never_answers_is_passed_over(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "ANSWER_WITHIN_SECONDS", 0.3)
    install("path", "", "#!/bin/sh\nexec /bin/sleep 60\n")

    assert all_tools() == []


def test_an_exchanged_program_is_asked_again(install: Install) -> None:
    """A long-lived worker sees the update of the machine."""
    install("path", "17.2")
    assert find_tools(17).version == "17.2"

    install("path", "17.12")

    assert find_tools(17).version == "17.12"


def test_each_program_is_asked_once(install: Install, tmp_path: Path) -> None:
    install("path", "17.2", f'#!/bin/sh\necho x >> {tmp_path}/asked\necho "pg_dump (PostgreSQL) {{version}}"\n')
    find_tools(17)
    before = (tmp_path / "asked").read_text()

    find_tools(17)

    assert (tmp_path / "asked").read_text() == before


@pytest.mark.parametrize("place", sorted(majors()))
def test_a_build_is_asked_whether_it_can_compress(place: str) -> None:
    """The embedded build can; before 16, no build can."""
    found = next(one for one in all_tools() if one.folder == majors()[place])

    assert found.has_zstd == (place == "embedded" or found.major >= 16)


def test_a_build_without_zstd_is_found_out(install: Install) -> None:
    """What an old build says, word by word, while a new one goes on to connect."""
    without = 'case "$2" in --compress=lz4*) ;; --compress=*) says="invalid compression specification";; esac'
    says = '${{says:-connection to server on socket "/nonexistent" failed}}'
    install(
        "path", "17.2", f'#!/bin/sh\n{without}\necho "pg_dump (PostgreSQL) {{version}}"\necho "{says}" >&2\nexit 1\n'
    )

    assert (find_tools(17).has_zstd, find_tools(17).has_lz4) == (False, True)


def test_the_embedded_programs_are_found_without_any_setting() -> None:
    assert find_tools(17).folder == majors()["embedded"]
    assert shutil.which("pg_restore", path=str(find_tools(17).folder))
