"""Migrations: which steps a database was brought through, as frameworks write them down. Apps of one framework may have
the same tables, but never the same steps."""

from collections.abc import Callable
from pathlib import Path

from psycopg import sql

from environments.addresses import DatabaseAddress
from environments.programs import Program, ProgramFailed

from ..errors import DumpIncomplete
from .connecting import visit
from .sandbox import confined
from .tools import Tools

# Each framework's table, and the columns that name a step.
TABLES = {
    "django_migrations": ("app", "name"),
    "schema_migrations": ("version",),
    "flyway_schema_history": ("script",),
    "databasechangelog": ("id", "author"),
    "knex_migrations": ("name",),
    "_prisma_migrations": ("migration_name",),
    "__EFMigrationsHistory": ("MigrationId",),
    "mendixsystem$entity": ("entity_name",),
}
AS_IN_DUMPS = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n"})
MOST_STEPS = 20_000
MOST_BYTES = 32 << 20


def tables_among(names: set[str]) -> list[str]:
    """Those of a database's tables (`schema name`) in which steps are written down."""
    return sorted(name for name in names if name.partition(" ")[2] in TABLES)


def steps_of(address: DatabaseAddress, table: str) -> set[str]:
    """The steps in a live database. Raises: Failed, when it cannot be asked."""
    schema, _, name = table.partition(" ")
    columns = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(one)) for one in TABLES[name])
    query = sql.SQL("SELECT {} FROM {} LIMIT {}").format(columns, sql.Identifier(schema, name), MOST_STEPS)
    with visit(address) as db:
        return {" ".join(str(cell).translate(AS_IN_DUMPS) for cell in row) for row in db.execute(query)}


def steps_in(dump: Path, table: str, tools: Tools, *, beat: Callable[[], None]) -> set[str]:
    """The steps in a dump, read in the sandbox; none when they are not written as that framework does.

    Raises:
        DumpIncomplete: pg_restore cannot read the table.
    """
    schema, _, name = table.partition(" ")
    arguments = ["--data-only", f"--schema={schema}", f"--table={name}", "--file=-", str(dump)]
    said = bytearray()
    with Program([tools.path("pg_restore"), *arguments], environ={"LC_ALL": "C.UTF-8"}, confined=confined()) as program:
        for chunk in program.stream():
            said += chunk[: MOST_BYTES - len(said)]
            beat()
        try:
            program.check()
        except ProgramFailed as failure:
            raise DumpIncomplete(f"The table {name} cannot be read ({failure.last_words[:200]}).") from None
    return _parse(said.decode(errors="replace"), TABLES[name])


def _parse(text: str, wanted: tuple[str, ...]) -> set[str]:
    lines = iter(text.split("\n"))
    head = next((line for line in lines if line.startswith("COPY ")), "")
    columns = [one.strip().strip('"') for one in head.partition("(")[2].partition(")")[0].split(",")]
    if not set(wanted) <= set(columns):
        return set()
    places = [columns.index(one) for one in wanted]
    found = set[str]()
    for line in lines:
        cells = line.split("\t")
        if line == "\\." or len(found) == MOST_STEPS:
            break
        if len(cells) == len(columns):
            found.add(" ".join(cells[place] for place in places))
    return found
