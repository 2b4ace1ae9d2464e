"""What a person or CI types works on a bare machine, and says loudly what it leaves out."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAKE = shutil.which("make") or "/usr/bin/make"


def make(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([MAKE, *words], cwd=ROOT, env=environ or None, capture_output=True, text=True)


def test_help_is_what_make_says_by_itself_and_lists_every_target() -> None:
    shown = make()

    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", text, re.MULTILINE)) - {"programs"}
    assert set(re.findall(r"^  make ([a-z-]+)", shown.stdout, re.MULTILINE)) == targets


def test_ci_runs_lint_and_test() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()

    assert "make lint" in lines
    assert {"make test", "make test-postgresql"} <= set(lines)
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_a_missing_program_stops_ci(tmp_path: Path) -> None:
    ended = make("programs", "PROGRAMS=no-such-program:its-package", PATH=str(tmp_path), CI="true")

    assert ended.returncode != 0
    assert "MISSING: no-such-program (Debian: apt install its-package)" in ended.stdout


def test_a_missing_program_is_said_loudly_elsewhere(tmp_path: Path) -> None:
    ended = make("programs", "PROGRAMS=no-such-program:its-package", PATH=str(tmp_path))

    assert ended.returncode == 0
    assert "MISSING: no-such-program" in ended.stdout


def asked_for(group: str) -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = project["project"]["dependencies"] if group == "run" else project["dependency-groups"][group]
    return [re.split(r"[\[<>=;! ]", line)[0].lower() for line in lines if isinstance(line, str)]


@pytest.mark.parametrize("group", ["run", "demo", "test", "lint"])
def test_every_dependency_is_pinned_with_its_hashes(group: str) -> None:
    text = (ROOT / "requirements" / f"{group}.txt").read_text()

    pinned = set(re.findall(r"^([a-z0-9._-]+)(?:\[[a-z-]+\])?==", text, re.MULTILINE))
    unhashed = [entry for entry in re.split(r"\n(?=\S)", text.strip()) if "--hash=sha256:" not in entry]
    assert {re.sub(r"[._]", "-", name) for name in asked_for(group)} - {
        re.sub(r"[._]", "-", name) for name in pinned
    } == set()
    assert unhashed == []


@pytest.mark.parametrize("group", ["run", "demo", "test", "lint"])
def test_no_address_of_a_registry_is_pinned(group: str) -> None:
    text = (ROOT / "requirements" / f"{group}.txt").read_text()

    assert re.findall(r"://|--(?:extra-)?index-url|--find-links", text) == []


def test_a_package_has_one_version_in_all_groups() -> None:
    versions: dict[str, set[str]] = {}
    for path in (ROOT / "requirements").glob("*.txt"):
        for name, version in re.findall(r"^([a-z0-9._-]+)(?:\[[a-z-]+\])?==(\S+)", path.read_text(), re.MULTILINE):
            versions.setdefault(name, set()).add(version)

    assert {name: found for name, found in versions.items() if len(found) > 1} == {}
