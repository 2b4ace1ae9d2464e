"""Kinship: whether a dump is of the app that it is brought to, by its bytes, its tables and its migrations.

What cannot be told is no reason to warn: an empty database, one that is away, a framework that nobody knows.
"""

from collections.abc import Callable
from pathlib import Path

from environments.errors import Failed
from environments.models import Environment

from ..engines import migrations, postgresql
from ..engines.toc import Toc
from ..engines.tools import Tools
from ..models import Backup

OTHER_APP = 0.5  # of the tables that are there now
OTHER_STEPS = 0.1  # of the shorter history; two branches of one app differ by less


def why_strange(
    path: Path, toc: Toc, environment: Environment, tools: Tools, *, sha256: str, beat: Callable[[], None]
) -> str:
    """The sentence that warns of another app's dump; empty when it seems to be this one's."""
    strangers = Backup.objects.filter(dump_sha256=sha256).exclude(environment__app=environment.app_id)
    if strangers.exists():
        return "This is another app's dump: byte for byte it is the database of a backup of another app."
    try:
        live = postgresql.tables_of(environment.database_address)
        tables = toc.table_names()
        return _by_tables(live, tables, environment) or _by_steps(path, live & tables, environment, tools, beat)
    except Failed:
        return ""


def _by_tables(live: set[str], tables: set[str], environment: Environment) -> str:
    shared = len(live & tables)
    if not live or shared >= len(live) * OTHER_APP:
        return ""
    return (
        f"This may be another app's dump: of the {len(live)} tables that {environment.name} has now, it holds "
        f"{shared or 'none'}."
    )


def _by_steps(path: Path, shared: set[str], environment: Environment, tools: Tools, beat: Callable[[], None]) -> str:
    for table in migrations.tables_among(shared):
        there = migrations.steps_of(environment.database_address, table)
        brought = migrations.steps_in(path, table, tools, beat=beat)
        lacks, knows = len(there - brought), len(brought - there)
        # An older or a newer version of the same app lacks steps, or has more; never both.
        if min(lacks, knows) > OTHER_STEPS * min(len(there), len(brought)):
            return (
                f"This may be another app's dump: by its table {table.partition(' ')[2]} it knows {knows} steps that "
                f"{environment.name} has not, and lacks {lacks} that are there."
            )
    return ""
