"""What PostgreSQL and its programs say when something fails, turned into one sentence for a person."""

import re

from environments.addresses import DatabaseAddress
from environments.programs import ProgramFailed, redact

from ..errors import DatabaseMissing, DatabaseUnreachable, DumpFailed, Failed, PasswordRefused

MOST_WORDS, MOST_NAMES = 300, 3
KILLED = 128  # exit codes above it: ended by a signal
NOTHING_CHANGED = "Nothing was changed."
NOTHING_STORED = "Nothing was stored."

Sentences = tuple[tuple[str, type[Failed], str], ...]

# What a server, a pooler or the way there says; the first that fits counts. {0} is what the pattern caught.
REFUSALS: Sentences = (
    (
        r'role "(.+?)" does not exist',
        PasswordRefused,
        "The server at {where} has no role {0}. {nothing} Check the user in the database address.",
    ),
    (
        r"no password supplied",
        PasswordRefused,
        "The server at {where} asks for a password, and the address of {user} has none. {nothing} Register it.",
    ),
    (
        r"(?:password|\w+) authentication failed|SASL authentication failed|auth failed",
        PasswordRefused,
        "The server at {where} does not accept the password of {user}. {nothing} Register the right one.",
    ),
    (
        r'database "(.+?)" does not exist|no such database',
        DatabaseMissing,
        "The server at {where} has no database {name}. {nothing} Check the name in the database address.",
    ),
    (
        r"no pg_hba\.conf entry|pg_hba\.conf rejects",
        DatabaseUnreachable,
        "The server at {where} does not let {user} in from this machine. {nothing} "
        "Whoever runs the server can allow it in pg_hba.conf.",
    ),
    (
        r"permission denied for database|does not have CONNECT privilege",
        DatabaseUnreachable,
        "{user} may not connect to the database {name}. {nothing} Grant CONNECT to the role.",
    ),
    (
        r"too many (?:clients|connections)|remaining connection slots",
        DatabaseUnreachable,
        "The server at {where} takes no more connections. {nothing} Try again, or let it take more.",
    ),
    (
        r"the database system is (?:starting up|shutting down|in recovery|not yet accepting)",
        DatabaseUnreachable,
        "The server at {where} is just starting or stopping. {nothing} Try again in a minute.",
    ),
    (
        r"failed to resolve host|could not translate host name",
        DatabaseUnreachable,
        "The host {host} is not known to this machine. {nothing} Check the host in the database address.",
    ),
    (
        r"timeout expired|timed out|statement timeout",
        DatabaseUnreachable,
        "The server at {where} does not answer in time. {nothing} Check host and port, and what lies between.",
    ),
    (
        r"Connection refused|No such file or directory|No route to host|unreachable",
        DatabaseUnreachable,
        "No server answers at {where}. {nothing} Check host and port, and whether the server runs.",
    ),
)
ANY_REFUSAL = (DatabaseUnreachable, "The database {name} at {where} cannot be asked ({words}). {nothing}")

# What pg_dump says. Its own words are English (LC_MESSAGES); the server's may be in any language.
FAILURES: Sentences = (
    (
        r"row-level security policy for table \"(.+?)\"",
        DumpFailed,
        "Row-level security hides rows of the table {0} from {user}. {nothing} "
        "Let the table's owner make the backup, or give the role BYPASSRLS.",
    ),
    (
        r"server version: (\S+).*?; pg_dump version: (\S+)",
        DumpFailed,
        "The server is PostgreSQL {0} and pg_dump only {1}. {nothing} Install a newer PostgreSQL client.",
    ),
    (
        r"No space left on device",
        DumpFailed,
        "A disk is full: of the server at {where}, or of the portal. {nothing} Make room, then make the backup again.",
    ),
    (
        r"permission denied for ((?:table|schema|sequence|large object|function|view|materialized view) \S+)",
        DumpFailed,
        "{user} may not read the {0}. {nothing} Grant it to the role, or register the owner's address.",
    ),
    (
        r"conflict with recovery",
        DumpFailed,
        "The server at {where} is a standby and ended the reading in favour of its own work. {nothing} "
        "Make the backup again, or register the primary server's address.",
    ),
    (
        r"(could not read block|invalid page|missing chunk number|compressed \S+ data is corrupt)",
        DumpFailed,
        "The database {name} is damaged ({words}). {nothing} Keep the last good backup, and ask whoever runs "
        "the server to look at it.",
    ),
    (
        r"(relation \S+ does not exist|could not open relation|cache lookup failed)",
        DumpFailed,
        "The database's tables were changed while they were read ({words}). {nothing} Make the backup again.",
    ),
    (
        r"terminating connection|server closed the connection|connection to server was lost"
        r"|could not receive data from server|SSL (?:SYSCALL|connection)|no connection to the server",
        DumpFailed,
        "The connection to {where} was ended while the database was read. {nothing} Make the backup again.",
    ),
)
ANY_FAILURE = (DumpFailed, "pg_dump ended with an error ({words}). {nothing}")


def refusal(words: str, address: DatabaseAddress) -> Failed:
    """Why a database cannot be asked: an error with a sentence, never with the password."""
    return find_sentence(REFUSALS, ANY_REFUSAL, words, address, NOTHING_CHANGED)


def explain_dump(failure: ProgramFailed, address: DatabaseAddress) -> DumpFailed:
    """Why pg_dump failed, as far as its last words tell."""
    words = failure.last_words
    if failure.exit_code > KILLED:
        number = failure.exit_code - KILLED
        return DumpFailed(f"pg_dump was killed (signal {number}), perhaps for want of memory. {NOTHING_STORED}")
    sentences = REFUSALS if "connection to server" in words and "failed:" in words else FAILURES
    return DumpFailed(str(find_sentence(sentences, ANY_FAILURE, words, address, NOTHING_STORED)))


def where(address: DatabaseAddress) -> str:
    """Where the server is, as people say it."""
    return f"the socket in {address.host}" if address.is_socket else f"{address.host}:{address.port}"


def some_of(names: list[str]) -> str:
    """The first few, and how many more there are."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def find_sentence(
    sentences: Sentences, otherwise: tuple[type[Failed], str], words: str, address: DatabaseAddress, nothing: str
) -> Failed:
    words = redact(words, [address.password])
    facts = {"host": address.host, "name": address.name, "user": address.user, "where": where(address)}
    facts |= {"nothing": nothing, "words": _first_line(words)}
    for pattern, error, sentence in sentences:
        if found := re.search(pattern, words, re.DOTALL):
            return error(sentence.format(*found.groups(), **facts))
    error, sentence = otherwise
    return error(sentence.format(**facts))


def _first_line(words: str) -> str:
    """The line that says what went wrong: the program's first error, else its last line."""
    lines = [line.strip() for line in words.splitlines() if line.strip()] or ["it said nothing"]
    line = next((line for line in lines if "error:" in line or "FATAL" in line), lines[-1])
    return re.sub(r"^pg_\w+: (error: )?(could not execute query: )?(ERROR: +)?", "", line)[:MOST_WORDS].rstrip(".")
