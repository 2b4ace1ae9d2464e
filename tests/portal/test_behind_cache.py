"""A proxy that caches whatever it may, by address alone: what one person saw reaches nobody else."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from backups.choices import Contents
from backups.models import Backup
from environments.models import Environment
from tests.backups.taken import DUMP, keep_backup, link_for
from tests.backups.views.served import Served, served
from tests.nginx import Nginx, free_port

__all__ = ["served"]
pytestmark = pytest.mark.django_db(transaction=True)
GREEDY = """
proxy_cache_path {folder}/cache keys_zone=all:1m;
server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass http://127.0.0.1:{web};
        proxy_set_header Host $http_host;
        proxy_cache all;
        proxy_cache_key $uri$is_args$args;
        proxy_cache_valid any 10m;
        add_header X-Cache $upstream_cache_status always;
    }}
}}
"""


@pytest.fixture
def process_environ(process_environ: dict[str, str]) -> dict[str, str]:
    return {**process_environ, "DJANGO_SETTINGS_MODULE": "tests.web_settings"}


@pytest.fixture
def cache(served: Served, tmp_path: Path) -> Iterator[str]:
    """The address of the proxy."""
    port = free_port()
    nginx = Nginx(tmp_path, GREEDY.format(folder=tmp_path, port=port, web=served.port))
    try:
        nginx.start(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        nginx.stop()


@pytest.fixture
def backup(environment: Environment, tmp_path: Path) -> Backup:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "small.txt").write_text("small")
    return keep_backup(environment, tmp_path / "files")


def ask(site: str, addresses: list[str], cookie: str = "") -> list[tuple[int, str, bytes]]:
    """For each address: status, whether it came from the cache, and the bytes."""
    found = []
    for address in addresses:
        words = ["curl", "-sSi", "-b", cookie, f"{site}{address}"]
        done = subprocess.run(words, capture_output=True, timeout=60)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        kept = re.search(rb"X-Cache: (\w+)", head)
        found.append((int(head.split()[1]), kept[1].decode() if kept else "", content))
    return found


def test_what_is_private_is_never_shared(
    cache: str, served: Served, backup: Backup, developer: User, stranger: User, tmp_path: Path
) -> None:
    place = "/apps/order-desk/live"
    pages = [f"{place}/backups/", f"{place}/backups/{backup.pk}/", f"{place}/backups/rows/", f"{place}/environment/"]
    pages += [f"{place}/activity/", f"{place}/activity/table.csv", f"{place}/members/"]
    own = [link_for(backup, developer, Contents.DATABASE), link_for(backup, developer)]
    cookie = served.cookie(developer)

    seen = ask(cache, [*pages, *own, *pages], cookie)
    ask(cache, ["/sign-in/", "/nowhere/"])
    ask(cache, ["/", "/account/", "/sign-in/"], cookie)

    assert {status for status, _, _ in seen} <= {200, 286}
    assert {kept for _, kept, _ in seen} == {"MISS"}
    assert seen[len(pages)][2] == DUMP
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == [], "nothing was kept"
    assert {status for status, _, _ in ask(cache, [*pages, *own], served.cookie(stranger))} == {404}
    assert {status for status, _, _ in ask(cache, [*pages, *own])} == {302}


def test_static_files_are_shared(cache: str) -> None:
    styles = ["/static/css/tokens.css"] * 2

    assert [(status, kept) for status, kept, _ in ask(cache, styles)] == [(200, "MISS"), (200, "HIT")]
