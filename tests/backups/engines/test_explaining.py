"""What programs say last becomes a sentence: what happened, what did not, what to do."""

import pytest

from backups.engines.postgresql import explain
from environments.addresses import DatabaseAddress
from environments.programs import ProgramFailed

from .conftest import PASSWORD

ADDRESS = DatabaseAddress("db.example.org", 5432, "shop", "shop", PASSWORD)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("pg_dump: error: aborting because of server version mismatch\npg_dump: detail: server version: 18.1; "
         "pg_dump version: 17.10", "The server is PostgreSQL 18.1 and pg_dump only 17.10"),
        ("pg_dump: error: connection to server at x, port 1 failed: FATAL:  password authentication failed for user x",
         "does not accept the password"),
        ("pg_dump: error: query failed: ERROR:  could not extend file: No space left on device", "A disk is full"),
        ("pg_dump: error: Dumping the contents failed\nERROR:  invalid page in block 3 of relation", "is damaged"),
        ("pg_dump: error: query failed: ERROR:  cache lookup failed for relation 4711", "were changed while"),
        ("pg_dump: error: query failed: ERROR:  canceling statement due to conflict with recovery", "is a standby"),
        ("pg_dump: error: connection to server at x failed: FATAL:  the database system is in recovery mode",
         "just starting or stopping"),
        ("pg_dump: error: something nobody has met", "something nobody has met"),
        ("", "it said nothing"),
    ],
)  # fmt: skip
def test_last_words_become_a_sentence(words: str, said: str) -> None:
    sentence = str(explain(ProgramFailed("pg_dump", 1, words), ADDRESS))

    assert said in sentence
    assert "Nothing was stored." in sentence
    assert "\n" not in sentence


def test_a_sentence_never_holds_the_password() -> None:
    failure = ProgramFailed("pg_dump", 1, f"pg_dump: error: no such thing as {PASSWORD}")

    assert PASSWORD not in str(explain(failure, ADDRESS))


def test_a_program_killed_from_outside_is_told() -> None:
    failure = ProgramFailed("pg_dump", 137, "")

    assert "killed (signal 9)" in str(explain(failure, ADDRESS))
