"""Preflight: what would end a restore or an upload halfway is found while the app still runs, and named."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg

from ..errors import PuttingBackRefused
from .explaining import NOTHING_CHANGED, refusal, some_of
from .likeness import Likeness, likeness_of, settings_not_ours
from .needs import needs_of_extensions, needs_of_objects, needs_of_programs
from .place import SAID, Connection, Level, Place, level_of
from .postgresql import Server, look_at
from .sessions import lasting_sessions
from .toc import Toc

POOLED = (
    "The database address leads through a pooler, where nothing can be exchanged. Register the server's own address."
)
IS_MEMBER = "SELECT pg_has_role(current_user, %s, 'MEMBER')"
PREPARED = "SELECT gid FROM pg_prepared_xacts WHERE database = %s ORDER BY 1"
SUBSCRIPTIONS = """
    SELECT subname FROM pg_subscription AS s JOIN pg_database AS d ON d.oid = s.subdbid WHERE datname = %s ORDER BY 1
"""
SLOTS = "SELECT slot_name FROM pg_replication_slots WHERE slot_type = 'logical' AND database = %s ORDER BY 1"
PUBLICATIONS = "SELECT pubname FROM pg_publication WHERE puballtables ORDER BY 1"
EVENT_TRIGGERS = """
    SELECT evtname FROM pg_event_trigger AS e WHERE NOT EXISTS (
      SELECT FROM pg_depend WHERE classid = 'pg_event_trigger'::regclass AND objid = e.oid AND deptype = 'e')
    ORDER BY 1
"""
TEMPLATE = """
    SELECT datistemplate OR pg_has_role(datdba, 'USAGE'), pg_encoding_to_char(encoding), datcollate, datctype
    FROM pg_database WHERE datname = %s
"""


@dataclass
class Findings:
    """What was found: sentences that refuse, and sentences that people should read."""

    refused: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)


def look_before(place: Place, toc: Toc | None, *, is_untrusted: bool) -> Findings:
    """Look at everything that can be known before data is loaded beside the live database. Nothing is changed.

    toc: the dump's list; None where no dump is loaded.

    Raises:
        DatabaseUnreachable, PasswordRefused, DatabaseMissing: the server cannot be asked.
    """
    server = look_at(place.app)
    if server.is_pooled:
        return Findings(refused=[POOLED])
    try:
        level = level_of(place)
        if level == Level.NONE or (is_untrusted and level != Level.FULL):
            return Findings(refused=[SAID[level]])
        with place.beside() as connection:
            refused = [*_in_the_way(connection, place), *_of_the_live_one(connection, place)]
            if toc is not None:
                refused += _of_the_dump(connection, place, toc, server, is_untrusted=is_untrusted)
            return Findings(refused, _to_be_read(connection, place, toc, server))
    except psycopg.Error as error:
        raise refusal(str(error), place.keeper) from None


def check_before(place: Place, toc: Toc | None, *, is_untrusted: bool) -> list[str]:
    """The sentences that people should read, when nothing refuses.

    Raises:
        PuttingBackRefused: with everything that was found, at once.
        DatabaseUnreachable, PasswordRefused, DatabaseMissing
    """
    findings = look_before(place, toc, is_untrusted=is_untrusted)
    _refuse(findings.refused)
    return findings.warned


def check_again(place: Place) -> None:
    """What may have come meanwhile, asked in a moment: right before the app is stopped.

    Raises:
        PuttingBackRefused
        DatabaseUnreachable, PasswordRefused, DatabaseMissing
    """
    try:
        with place.beside() as connection:
            _refuse(list(_in_the_way(connection, place)))
    except psycopg.Error as error:
        raise refusal(str(error), place.keeper) from None


def _refuse(sentences: list[str]) -> None:
    if sentences:
        raise PuttingBackRefused(" ".join([*sentences, NOTHING_CHANGED]))


def _in_the_way(connection: Connection, place: Place) -> Iterator[str]:
    """What keeps a database from being renamed and cannot be ended from here."""
    if sessions := lasting_sessions(connection, [place.app.name]):
        some = f"{len(sessions)} session{'s' * (len(sessions) > 1)}"
        yield (
            f"{some} on the database cannot be ended by {place.keeper.user}: {_list(sessions)}. "
            "End what holds them (monitoring, an administrator's program), or register a role that may."
        )
    prepared = _column(connection, PREPARED, place.app.name)
    if prepared:
        yield (
            f"The database holds prepared transactions ({some_of(prepared)}); while it does, it cannot be exchanged. "
            "Commit them or roll them back."
        )


def _of_the_live_one(connection: Connection, place: Place) -> Iterator[str]:
    """What the new database could not be given, or could never be rid of."""
    like = likeness_of(connection, place.app.name)
    member = connection.execute(IS_MEMBER, [like.owner]).fetchone()
    if not (member and member[0]):
        yield (
            f"The database belongs to {like.owner}, of which {place.keeper.user} is no member, so no other can be put "
            f"in its place. Make {place.app.user} its owner, or grant {like.owner} to {place.keeper.user}."
        )
        return
    if settings := settings_not_ours(connection, place.app.name, like):
        yield (
            f"The database has settings that {place.keeper.user} may not give to the new one: {_list(settings)}. "
            f"Grant SET ON PARAMETER or the role WITH ADMIN OPTION to {place.keeper.user}, or take the settings away."
        )
    if subscriptions := _column(connection, SUBSCRIPTIONS, place.app.name):
        yield (
            f"The database follows another one (subscription {some_of(subscriptions)}): after the exchange the old "
            "database would, and could never be removed. Drop the subscription, then try again."
        )
    yield from _of_the_template(connection, place, like)


def _of_the_template(connection: Connection, place: Place, like: Likeness) -> Iterator[str]:
    if not place.template:
        return
    found = connection.execute(TEMPLATE, [place.template]).fetchone()
    if found is None:
        yield f"There is no template database {place.template} on the server. Make it, or register without it."
        return
    may_copy, *nature = found
    if not may_copy:
        yield f"{place.keeper.user} may not copy the template {place.template}. Let it be a template (IS_TEMPLATE)."
    if nature != [like.encoding, like.collate, like.ctype]:
        yield (
            f"The template {place.template} has {_nature(nature)}, the live database "
            f"{_nature([like.encoding, like.collate, like.ctype])}. Make a template like the live database."
        )


def _of_the_dump(
    connection: Connection, place: Place, toc: Toc, server: Server, *, is_untrusted: bool
) -> Iterator[str]:
    yield from needs_of_programs(server)
    yield from needs_of_extensions(connection, place, toc, is_untrusted=is_untrusted)
    yield from needs_of_objects(connection, place, toc, is_untrusted=is_untrusted)


def _to_be_read(connection: Connection, place: Place, toc: Toc | None, server: Server) -> list[str]:
    """What the exchange leaves behind with the old database, and what may not load."""
    said = []
    if slots := _column(connection, SLOTS, place.app.name):
        said.append(f"What follows this database by replication stays with the old data: slot {some_of(slots)}.")
    with place.inside(place.app.name, as_app=True) as live:
        if publications := _column(live, PUBLICATIONS):
            said.append(
                f"The publication for all tables {some_of(publications)} stays with the old data unless the dump "
                "brings it and the role may make it."
            )
        if triggers := _column(live, EVENT_TRIGGERS):
            said.append(f"The event trigger {some_of(triggers)} stays with the old data unless a superuser makes it.")
    if toc is not None and _major(toc.dumped_from) > server.major:
        said.append(f"The dump is of PostgreSQL {toc.dumped_from}, the server is {server.version}; it may not load.")
    return said


def _column(connection: Connection, query: str, *given: str) -> list[str]:
    return [str(one) for (one,) in connection.execute(query, list(given)).fetchall()]


def _list(found: list[str]) -> str:
    return "; ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")


def _nature(facts: list[object]) -> str:
    encoding, collate, ctype = facts
    return f"{encoding}, {collate}" if collate == ctype else f"{encoding}, {collate}/{ctype}"


def _major(version: str) -> int:
    first = version.partition(".")[0]
    return int(first) if first.isdigit() else 0
