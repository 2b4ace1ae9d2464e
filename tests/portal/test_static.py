"""What pages are made of: nothing inline, nothing foreign, nothing heavy, nothing unused."""

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client

from backups.views.activity import ENDS, ICONS, ICONS_BY_ACTION
from environments.models import Environment
from portal.config import ROOT
from portal.navigation import PAGES
from tests.factories import BackupFactory

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
VENDOR = ROOT / "static" / "vendor"
MOST_BYTES = 60 * 1024


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_style_or_script_inside(template: Path) -> None:
    source = template.read_text()

    # What a script of type application/json holds is read, and never run.
    script = r"<script(?![^>]*\s(?:src=|type=.application/json.))"
    assert not re.search(rf"<style|\sstyle=|\son[a-z]+=|javascript:|{script}", source)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", source)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_short_and_say_what_they_are_for(script: Path) -> None:
    lines = script.read_text().splitlines()

    assert lines[0].startswith("/** ")
    assert len(lines) < 80
    assert "eval(" not in script.read_text()


def test_what_came_from_elsewhere_is_as_the_manifest_says() -> None:
    manifest = json.loads((VENDOR / "manifest.json").read_text())

    assert {entry["file"] for entry in manifest} == {path.name for path in VENDOR.iterdir()} - {"manifest.json"}
    for entry in manifest:
        assert hashlib.sha256((VENDOR / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
        assert entry["name"]
        assert entry["version"]
        assert entry["licence"]


def test_the_sprite_holds_the_icons_that_are_used_and_no_other() -> None:
    names = {name for path in TEMPLATES for name in re.findall(r'icon "([\w-]+)"', path.read_text())}
    names |= {icon for _, icon in PAGES.values()} | {*ICONS.values(), *ICONS_BY_ACTION.values(), *ENDS.values()}

    assert set(re.findall(r'<symbol id="([\w-]+)"', (VENDOR / "lucide.svg").read_text())) == names


def sizes_of(address: str, person: User) -> dict[str, int]:
    """What a browser is sent for a page, packed; of scripts what they import, too."""
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(address).content
    links = {link.decode() for link in re.findall(rb'(?:src|href)="/static/([^"#]+)', page)}
    imports = {link for script in SCRIPTS for link in re.findall(r'from "\./([\w.]+)"', script.read_text())}
    links |= {f"js/{link}" for link in imports if "js/upload.js" in links}
    parts = {link: Path(finders.find(link)).read_bytes() for link in links}  # type: ignore[arg-type]
    return {name: len(gzip.compress(content)) for name, content in {**parts, "page": page}.items()}


def test_the_whole_backups_page_is_light(environment: Environment, developer: User) -> None:
    for _ in range(50):
        BackupFactory(environment=environment, comment="before importing the December price list")

    sizes = sizes_of(environment.get_absolute_url(), developer)

    assert {"css/tokens.css", "js/live.js", "vendor/lucide.svg", "django_htmx/htmx-2.min.js"} <= set(sizes)
    assert sum(sizes.values()) <= MOST_BYTES, sizes


def test_the_page_that_sends_files_is_light_and_brings_its_library_for_whoever_sends_one(
    acceptance: Environment, operator: User
) -> None:
    sizes = sizes_of(f"{acceptance.get_absolute_url()}upload/?stopped=yes", operator)

    assert {"js/upload.js", "js/sending.js", "js/figures.js"} <= set(sizes)
    assert "vendor/tus.min.js" not in sizes
    assert sum(sizes.values()) <= MOST_BYTES, sizes


def test_every_answer_carries_the_policy(environment: Environment, developer: User) -> None:
    client = Client()
    client.force_login(developer, backend="django.contrib.auth.backends.ModelBackend")

    policy = client.get(environment.get_absolute_url())["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
