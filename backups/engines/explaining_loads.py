"""What pg_restore says when a load fails, or goes on without something, turned into sentences for a person."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from environments.addresses import DatabaseAddress
from environments.programs import ProgramFailed

from ..errors import LoadFailed
from .explaining import KILLED, NOTHING_CHANGED, REFUSALS, Sentences, find_sentence

# What pg_restore says. Nothing of it has touched the live database.
LOADS: Sentences = (
    (
        r"No space left on device|could not extend file",
        LoadFailed,
        "A disk of the server at {where} is full. {nothing} Make room there, then try again.",
    ),
    (
        r"temporary file size exceeds",
        LoadFailed,
        "Loading needs more room for temporary files than the server at {where} allows (temp_file_limit). {nothing}",
    ),
    (
        r"extension \"(.+?)\" is not available|could not open extension control file \"(?:.*/)?(.+?)\\.control",
        LoadFailed,
        "The server at {where} does not have an extension that the dump needs ({words}). {nothing}",
    ),
    (
        r"permission denied to create extension \"(.+?)\"",
        LoadFailed,
        "Only a superuser may make the extension {0}. {nothing} An administrator can make a template database with "
        "it inside.",
    ),
    (
        r"unrecognized configuration parameter \"(.+?)\"",
        LoadFailed,
        "The server at {where} does not know the setting {0}: the portal's PostgreSQL programs are newer than it. "
        "{nothing} Install those of the server's own version.",
    ),
    (
        r"role \"(.+?)\" does not exist",
        LoadFailed,
        "The dump names the role {0}, which the server at {where} does not have. {nothing} Make the role, "
        "then try again.",
    ),
    (
        r"in encoding \"(.+?)\" has no equivalent in encoding \"(.+?)\"",
        LoadFailed,
        "The dump holds text ({0}) that the database's encoding {1} cannot hold. {nothing}",
    ),
    (
        r"(?:could not create locale|collation|invalid locale name:?) \"(.+?)\"",
        LoadFailed,
        "The server at {where} does not have the collation {0}. {nothing} Whoever runs the server can install it.",
    ),
    (
        r"violates (?:foreign key|check|unique|not-null|exclusion) constraint|could not create unique index"
        r"|is violated by some row|contains null values",
        LoadFailed,
        "The dump's rows break its own rules ({words}). {nothing}",
    ),
    (
        r"terminating connection|server closed the connection|connection to server was lost"
        r"|could not receive data from server|SSL (?:SYSCALL|connection)|no connection to the server",
        LoadFailed,
        "The connection to {where} was ended while the database was loaded. {nothing} Try again.",
    ),
    (
        r"could not read from input file|unexpected end of file|corrupt|could not uncompress|could not decompress",
        LoadFailed,
        "The dump does not read to its end ({words}). {nothing}",
    ),
    (
        r"permission denied|must be (?:superuser|owner)",
        LoadFailed,
        "{user} may not do what the dump asks ({words}). {nothing}",
    ),
)
ANY_LOAD = (LoadFailed, "The dump could not be loaded ({words}). {nothing}")
# One entry of many that were tried, what became of it, and the command's beginning: behind it there may be passwords.
LOST = re.compile(
    r"^pg_restore: error: (?:could not execute query: )?(?:ERROR:\s+)?(.*)\n(?:(?:DETAIL|HINT|LINE|CONTEXT|\s).*\n)*"
    r"Command was: (.*)",
    re.MULTILINE,
)
SECRETS_FROM = re.compile(r" (OPTIONS|CONNECTION)\b.*|;$")
MOST_OF_A_COMMAND = 160
IGNORED = re.compile(r"errors ignored on restore: (\d+)")
MOST_ENTRIES = 5


def explain_load(failure: ProgramFailed, address: DatabaseAddress) -> LoadFailed:
    """Why pg_restore failed, as far as its last words tell."""
    if failure.exit_code > KILLED:
        number = failure.exit_code - KILLED
        return LoadFailed(f"pg_restore was killed (signal {number}), perhaps for want of memory. {NOTHING_CHANGED}")
    sentences = REFUSALS if "connection to server" in failure.last_words and "failed:" in failure.last_words else LOADS
    return LoadFailed(str(find_sentence(sentences, ANY_LOAD, failure.last_words, address, NOTHING_CHANGED)))


@contextmanager
def explained(address: DatabaseAddress) -> Iterator[None]:
    """What the server says to statements of our own around a load, in a sentence too. Raises: LoadFailed"""
    try:
        yield
    except psycopg.Error as error:
        raise LoadFailed(str(find_sentence(LOADS, ANY_LOAD, str(error), address, NOTHING_CHANGED))) from error


def explain_losses(failure: ProgramFailed, address: DatabaseAddress) -> list[str]:
    """What a pg_restore that goes on after errors could not put back, a sentence each. Only its own lines are told.

    Raises:
        LoadFailed: it did not go on to the end.
    """
    total = IGNORED.search(failure.last_words)
    if total is None:
        raise explain_load(failure, address)
    lost = LOST.findall(failure.last_words)
    # What was not made has no comment; nobody has to be told.
    told = [(why, command) for why, command in lost if not command.startswith("COMMENT ON ")]
    said = [f"Not put back: {_beginning(command)} ({why.rstrip('.')})." for why, command in told[:MOST_ENTRIES]]
    more = int(total[1]) - len(lost) + len(told) - len(said)
    return said + ([f"And {more} more of the kind."] if more > 0 else [])


def _beginning(command: str) -> str:
    return SECRETS_FROM.sub("", command)[:MOST_OF_A_COMMAND]
