"""The settings of a vault on S3, as a portal of its own reads them: from the environment and from files."""

from pathlib import Path

import pytest

from tests.backups.operations.test_portal_copies import FILL, Portal
from tests.stores.rclone import RcloneStore
from tests.stores.vaults import BUCKET, KEY, SECRET


@pytest.fixture
def portal(tmp_path: Path, real_store: RcloneStore) -> Portal:
    made = Portal(tmp_path / "portal", "")
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    made.environ |= {
        "PORTAL_VAULT": f"s3://{BUCKET}/{tmp_path.name}/",
        "PORTAL_S3_ENDPOINT_URL": f"{real_store.endpoint}/",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY_FILE": str(secret),
    }
    return made


def test_a_lost_portal_comes_back_from_s3(portal: Portal, real_store: RcloneStore, tmp_path: Path) -> None:
    for words in (("migrate", "-v0"), ("shell", "-v0", "-c", FILL), ("save_portal",)):
        done = portal.manage(*words)
        assert done.returncode == 0, done.stderr
    was = portal.told()
    assert "It answers, and its marker names this portal." in portal.manage("doctor").stdout
    assert (real_store.root / BUCKET / tmp_path.name / "portal-vault.json").exists()
    assert not (portal.folder / "vault").exists()

    for file in portal.folder.glob("portal.sqlite3*"):
        file.unlink()
    done = portal.manage("restore_portal")

    assert done.returncode == 0, done.stderr
    assert portal.told() == was
    assert SECRET not in done.stdout + done.stderr


def test_nothing_is_contacted_at_start(portal: Portal) -> None:
    portal.environ["PORTAL_S3_ENDPOINT_URL"] = "http://127.0.0.1:9"
    assert portal.manage("check").returncode == 0
