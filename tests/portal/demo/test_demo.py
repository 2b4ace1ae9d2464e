"""`make demo` brings up a whole portal that really works, and leaves nothing behind."""

import re
import socket
import urllib.request
from datetime import UTC, datetime

from portal.demo.children import wait_until
from tests.portal.demo.running import Browser, RunningDemo


def test_the_portal_says_that_it_is_well(demo: RunningDemo) -> None:
    with urllib.request.urlopen(f"{demo.address}/health", timeout=20) as answer:
        assert answer.status == 200


def test_every_printed_login_signs_in(demo: RunningDemo) -> None:
    assert sorted(demo.logins) == ["ben", "ines", "mira", "support"]
    for name, password in demo.logins.items():
        page = Browser(demo.address).post("/sign-in/", login=name, password=password)
        assert "Order Desk" in page, name


def test_the_logins_are_kept_where_only_the_owner_reads(demo: RunningDemo) -> None:
    kept = demo.data_dir / "demo" / "kept.json"

    assert demo.logins["ines"] in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_every_app_shows_rows_and_pictures_of_its_own(demo: RunningDemo) -> None:
    counts = {}
    for name, address in demo.apps.items():
        page = Browser(address).get("/")
        assert f'">{name}</span>' in page
        assert "<img " in page
        counts[name] = re.findall(r"([\d,]+) in the database", page)[0]

    assert sorted(counts) == ["Acceptance", "Live", "Test"]
    assert len(set(counts.values())) == 3


def test_the_workers_make_a_backup(demo: RunningDemo) -> None:
    backup = demo.answer("create_backup", "order-desk/live", "--comment", "By the workers", "--wait")

    assert backup["status"] == "Completed"
    assert backup["comment"] == "By the workers"
    assert backup["model_version"] == "1.4.3.121"
    assert backup["files_count"] > 0


def test_the_history_is_what_the_schedule_would_have_kept(demo: RunningDemo) -> None:
    backups = demo.answer("list_backups", "order-desk/live")
    nightly = [one for one in backups if one["created_by"] == "Nightly"]

    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    assert all(one["status"] == "Completed" for one in nightly)
    assert all(one["expires_at"] > now for one in nightly)
    assert all(one["created_at"].endswith("19:00:00Z") for one in nightly)
    assert sum(one["kept_by"] == "daily" for one in nightly) >= 12
    assert sum(one["kept_by"] == "sunday" for one in nightly) >= 8
    assert sum(one["kept_by"] == "first_sunday" for one in nightly) >= 10


def test_the_data_of_the_history_grows_and_its_models_change(demo: RunningDemo) -> None:
    backups = demo.answer("list_backups", "order-desk/live")
    oldest, newest = backups[-1], backups[0]

    assert oldest["database_bytes"] < newest["database_bytes"]
    assert oldest["files_bytes"] < newest["files_bytes"]
    assert len({one["model_version"] for one in backups}) >= 4


def test_one_backup_of_the_history_really_failed(demo: RunningDemo) -> None:
    backups = demo.answer("list_backups", "order-desk/acceptance")

    (failed,) = [one for one in backups if one["status"] == "Failed"]
    assert failed["created_by"] == "Ben Okafor"
    assert "directory" in failed["message"]


def test_after_an_older_backup_the_package_that_fits_stands_beside_it_and_is_really_deployed(demo: RunningDemo) -> None:
    backups = demo.answer("list_backups", "order-desk/live")
    older = next(one for one in backups if one["model_version"] == "1.4.0.102")
    put = ("restore_backup", older["id"], "--to", "order-desk/test", "--accept-version", "--stop-app", "--wait")
    assert "deploy 1.4.0.102" in demo.answer(*put)["message"]

    ines = Browser(demo.address)
    ines.post("/sign-in/", login="ines", password=demo.logins["ines"])
    page = ines.get("/apps/order-desk/test/environment/")
    assert "Deploy 1.4.0.102, then start the app." in page
    where = re.findall(r'href="(\S+/deploy/)" data-dialog>[^<]*<svg[^>]*>.*?</svg>Deploy 1.4.0.102</a>', page)[0]
    ines.post(where)
    # Refused until the deployment has ended.
    assert wait_until(lambda: demo.manage("start_app", "order-desk/test").returncode == 0, 60)
    assert "model 1.4.0.102" in Browser(demo.apps["Test"]).get("/")


def test_a_second_demo_in_the_same_directory_is_refused(demo: RunningDemo) -> None:
    second = demo.manage("demo")

    assert second.returncode == 1
    assert "Another demo already uses" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1


def test_ctrl_c_ends_everything_and_the_next_start_finds_it_all_again(demo: RunningDemo) -> None:
    before = {one["id"] for one in demo.answer("list_backups", "order-desk/live")}
    apps, logins = demo.apps, demo.logins

    assert demo.interrupt() == 0
    assert demo.left() == []
    with socket.create_server(("127.0.0.1", demo.port)):  # somebody else took the portal's port meanwhile
        demo.start()

    assert f"Port {demo.port} is taken; the portal is on {demo.port + 1}." in demo.said
    assert demo.address == f"http://127.0.0.1:{demo.port + 1}"
    assert before <= {one["id"] for one in demo.answer("list_backups", "order-desk/live")}
    assert (demo.apps, demo.logins) == (apps, logins)


def test_nothing_outlives_a_demo_that_is_killed(demo: RunningDemo) -> None:
    demo.kill()

    left = demo.left()
    demo.start()
    assert left == []
