"""What a person reads when the S3 store does not do what it is asked: the fact, what did not happen, what to do."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from backups.errors import VaultUnreachable
from backups.storage.vault_s3 import S3Vault
from tests.stores.rclone import RcloneStore
from tests.stores.scripted import ScriptedStore
from tests.stores.vaults import BUCKET, KEY, SECRET, s3_options, s3_vault

QUESTIONS: list[Callable[[S3Vault], object]] = [
    lambda vault: vault.create("a/b"),
    lambda vault: list(vault.stream("a/b")),
    lambda vault: vault.exists("a/b"),
    lambda vault: vault.size("a/b"),
    lambda vault: vault.listdir("a"),
    lambda vault: vault.unfinished("a"),
    lambda vault: vault.delete("a/b"),
    lambda vault: vault.discard("a/b"),
]


def sentences(vault: S3Vault) -> set[str]:
    """What every question is answered with."""
    found = set()
    for question in QUESTIONS:
        with pytest.raises(VaultUnreachable) as refusal:
            question(vault)
        found.add(str(refusal.value))
    assert not any(SECRET in sentence or KEY in sentence for sentence in found)
    return found


WRONG: list[tuple[dict[str, Any], str]] = [
    (
        {"bucket_name": "elsewhere"},
        "There is no bucket elsewhere at {endpoint}. Nothing was read or written. "
        "Make the bucket or correct PORTAL_VAULT, then try again.",
    ),
    (
        {"access_key": "another"},
        "The store at {endpoint} does not know the key in AWS_ACCESS_KEY_ID. What was being written was not kept, "
        "what was stored before is untouched. Correct it, then try again.",
    ),
    (
        {"secret_key": "another"},
        "The store at {endpoint} does not accept the secret in AWS_SECRET_ACCESS_KEY. What was being written was not "
        "kept, what was stored before is untouched. Correct it, then try again.",
    ),
]


@pytest.mark.parametrize(("wrong", "sentence"), WRONG, ids=["bucket", "key", "secret"])
def test_a_wrong_setting_is_named_whatever_is_asked(
    real_store: RcloneStore, wrong: dict[str, Any], sentence: str
) -> None:
    found = sentences(s3_vault(real_store.endpoint, "ours", **wrong))
    assert found == {sentence.format(endpoint=real_store.endpoint)}


ANSWERS = [
    (400, "ExpiredToken", "The credentials for the vault at s3://vaults/ours have expired."),
    (403, "AccessDenied", "Access is denied in the vault at s3://vaults/ours."),
    (507, "InsufficientStorage", "No space left in the vault at s3://vaults/ours."),
    (403, "QuotaExceeded", "No space left in the vault at s3://vaults/ours."),
    (403, "RequestTimeTooSkewed", "This machine's clock and the clock of http://"),
    (400, "AuthorizationHeaderMalformed", "The bucket vaults lies in another region."),
    (400, "Odd", "The vault at s3://vaults/ours refuses (Odd)."),
    (500, "<script>", "The vault at s3://vaults/ours fails (500)."),
]


@pytest.mark.parametrize(("status", "code", "beginning"), ANSWERS)
def test_every_answer_has_its_sentence(scripted_store: ScriptedStore, status: int, code: str, beginning: str) -> None:
    scripted_store.will("all", "refuse", times=1000, status=status, code=code)
    vault = s3_vault(scripted_store.endpoint, "ours", pauses=())
    for sentence in sentences(vault):
        assert sentence.startswith((beginning, "The vault at s3://vaults/ours refuses to delete a/b:"))
        assert "try again" in sentence or "Correct PORTAL_S3_REGION" in sentence or "let the key delete" in sentence


def test_nobody_answers(real_store: RcloneStore) -> None:
    vault = s3_vault("http://127.0.0.1:9", "ours")
    assert sentences(vault) == {
        "The vault at s3://vaults/ours cannot be reached: nothing answers at http://127.0.0.1:9. What was being "
        "written was not kept, what was stored before is untouched. Start the store or correct PORTAL_S3_ENDPOINT_URL, "
        "then try again."
    }


class _Page(BaseHTTPRequestHandler):
    """Answers as web servers do."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        self.send_response(200 if self.command == "GET" else 405)
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Welcome</title><p>Hello")

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def web_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_what_answers_is_no_store(web_server: str) -> None:
    for sentence in sentences(s3_vault(f"http://{web_server}", "ours", pauses=())):
        assert "is no S3 store" in sentence or "fails (500)" in sentence
        assert "PORTAL_S3_ENDPOINT_URL" in sentence


def test_a_certificate_that_is_none(web_server: str) -> None:
    vault = s3_vault(f"https://{web_server}", "ours")
    with pytest.raises(VaultUnreachable, match=r"The certificate of https://.* is not accepted"):
        vault.listdir("")


def test_no_key_at_all(scripted_store: ScriptedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_CONFIG_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    vault = S3Vault(**s3_options(scripted_store.endpoint, "ours") | {"access_key": None, "secret_key": None})
    assert sentences(vault) == {
        "There is no key for the vault at s3://vaults/ours. Nothing was read or written. "
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    }


def test_a_locked_object_stays_and_says_why(scripted_store: ScriptedStore) -> None:
    scripted_store.will("delete", "refuse", status=403, code="AccessDenied")
    with pytest.raises(VaultUnreachable) as refusal:
        s3_vault(scripted_store.endpoint, "ours").delete("a/b")
    assert str(refusal.value) == (
        f"The vault at s3://{BUCKET}/ours refuses to delete a/b: it may be locked until a date, or the portal's key "
        "may not delete. It stays. Wait for the date, or let the key delete there."
    )
