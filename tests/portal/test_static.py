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

from environments.models import Environment
from portal.config import ROOT
from tests.factories import BackupFactory

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
VENDOR = ROOT / "static" / "vendor"
MOST_BYTES = 60 * 1024


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_style_or_script_inside(template: Path) -> None:
    source = template.read_text()

    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", source)
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
    sources = [path.read_text() for path in TEMPLATES] + [(ROOT / "portal" / "navigation.py").read_text()]
    used = {
        name for source in sources for name in re.findall(r"""icon "([\w-]+)"|MenuItem\([^,]+, "([\w-]+)\"""", source)
    }
    names = {one or other for one, other in used}

    assert set(re.findall(r'<symbol id="([\w-]+)"', (VENDOR / "lucide.svg").read_text())) == names


def test_the_whole_backups_page_is_light(environment: Environment, developer: User) -> None:
    for _ in range(50):
        BackupFactory(environment=environment, comment="before importing the December price list")
    client = Client()
    client.force_login(developer, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(environment.get_absolute_url()).content

    links = set(re.findall(rb'(?:src|href)="/static/([^"#]+)', page))
    parts = {link.decode(): Path(finders.find(link.decode())).read_bytes() for link in links}  # type: ignore[arg-type]
    sizes = {name: len(gzip.compress(content)) for name, content in {**parts, "page": page}.items()}

    assert {"css/tokens.css", "js/live.js", "vendor/lucide.svg", "django_htmx/htmx-2.min.js"} <= set(sizes)
    assert sum(sizes.values()) <= MOST_BYTES, sizes


def test_every_answer_carries_the_policy(environment: Environment, developer: User) -> None:
    client = Client()
    client.force_login(developer, backend="django.contrib.auth.backends.ModelBackend")

    policy = client.get(environment.get_absolute_url())["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
