"""The house stands as its plan says, and each of its rules can fail."""

import subprocess
from pathlib import Path

import pytest

from tests import architecture
from tests.architecture import RULES, Rule

ROOT = Path(__file__).resolve().parent.parent
WINGS = ("portal", "environments", "backups")


def _tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def _sources() -> list[str]:
    return [name for name in _tracked("*.py") if name.startswith(WINGS) and "/migrations/" not in name]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    found = [line for name in _sources() for line in rule(name, (ROOT / name).read_text())]

    assert found == []


def test_templates_are_short() -> None:
    found = [
        line
        for name in _tracked("templates/*.html")
        for line in architecture.is_a_short_template(name, (ROOT / name).read_text())
    ]

    assert found == []


def test_tests_have_captions_and_can_be_read_at_a_sitting() -> None:
    rules = (architecture.has_a_caption, architecture.is_short)
    found = [
        line for name in _tracked("tests/*.py") for rule in rules for line in rule(name, (ROOT / name).read_text())
    ]

    assert found == []


def test_the_top_holds_nothing_outside_the_plan() -> None:
    assert architecture.belongs_at_the_top({name.split("/")[0] for name in _tracked()}) == []


BROKEN = [
    (architecture.has_a_caption, "backups/x.py", "import os\n"),
    (architecture.imports_at_the_top, "backups/x.py", "def f():\n    import os\n"),
    (architecture.imports_at_the_top, "backups/x.py", "class A:\n    def f(self):\n        from . import y\n"),
    (architecture.starts_no_program, "backups/engines/x.py", "import subprocess\n"),
    (architecture.starts_no_program, "backups/engines/x.py", "from subprocess import run\n"),
    (architecture.starts_no_program, "portal/views.py", "import os\nos.execv('/bin/sh', [])\n"),
    (architecture.starts_no_program, "portal/views.py", "import os\nos.system('ls')\n"),
    (architecture.opens_no_vault, "backups/operations/x.py", "from django.core.files.storage import storages\n"),
    (architecture.sees_only_its_room, "backups/operations/x.py", "from django.http import HttpRequest\n"),
    (architecture.sees_only_its_room, "backups/operations/x.py", "import json\n"),
    (architecture.sees_only_its_room, "backups/engines/x.py", "from django.db import models\n"),
    (architecture.sees_only_its_room, "backups/storage/x.py", "import django.db.models\n"),
    (architecture.decides_by_words_alone, "backups/policy/x.py", "from django.conf import settings\n"),
    (architecture.decides_by_words_alone, "backups/policy/x.py", "from ..models import Backup\n"),
    (architecture.decides_by_words_alone, "backups/policy/x.py", "from environments import clock\n"),
    (architecture.names_by_the_glossary, "backups/utils.py", ""),
    (architecture.names_by_the_glossary, "backups/x.py", "class BackupManager: ...\n"),
    (architecture.names_by_the_glossary, "backups/x.py", "def process_backup(): ...\n"),
    (architecture.names_by_the_glossary, "backups/x.py", "def f(data): ...\n"),
    (architecture.names_by_the_glossary, "backups/x.py", "temp_dir = 1\n"),
    (architecture.is_short, "backups/x.py", "x = 1\n" * 301),
    (architecture.is_short, "backups/x.py", "def f():\n" + "    x = 1\n" * 40),
    (architecture.is_a_short_template, "templates/x.html", "<p>\n" * 121),
]


@pytest.mark.parametrize(("rule", "path", "text"), BROKEN, ids=lambda value: getattr(value, "__name__", None))
def test_the_rule_finds_what_breaks_it(rule: Rule, path: str, text: str) -> None:
    assert rule(path, text) != []


KEPT = [
    (architecture.starts_no_program, "environments/programs.py", "import subprocess\n"),
    (architecture.opens_no_vault, "backups/storage/vault.py", "from django.core.files.storage import storages\n"),
    (
        architecture.decides_by_words_alone,
        "backups/policy/x.py",
        "from datetime import date\nfrom ..choices import Rule\n",
    ),
    (
        architecture.decides_by_words_alone,
        "backups/policy/x.py",
        "from . import retention\nfrom .retention import DAILY_FOR\n",
    ),
    (architecture.names_by_the_glossary, "backups/x.py", "data_at = 1\nclass AppService: ...\n"),
    (architecture.has_a_caption, "backups/migrations/__init__.py", ""),
    (architecture.is_short, "backups/x.py", "x = 1\n" * 300),
]


@pytest.mark.parametrize(("rule", "path", "text"), KEPT, ids=lambda value: getattr(value, "__name__", None))
def test_the_rule_lets_good_code_be(rule: Rule, path: str, text: str) -> None:
    assert rule(path, text) == []


def test_a_stray_entry_at_the_top_is_found() -> None:
    assert architecture.belongs_at_the_top({"manage.py", "scripts", ".ci"}) == ["scripts"]
