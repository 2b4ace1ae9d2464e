"""What a role cannot read of its database: a dump by it would fail, and is better refused or named beforehand."""

from environments.addresses import DatabaseAddress

from .connecting import visit
from .explaining import some_of

# What belongs to the server or to an extension is not dumped.
SCHEMAS = r"""
    SELECT n.nspname FROM pg_namespace AS n
    WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%' AND NOT has_schema_privilege(n.oid, 'USAGE')
      AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_namespace'::regclass AND objid = n.oid AND deptype = 'e')
    ORDER BY 1
"""
TABLES = r"""
    SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'S') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
      AND has_schema_privilege(n.oid, 'USAGE')
      AND NOT CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT')
                             ELSE has_table_privilege(c.oid, 'SELECT') END
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
    ORDER BY 1
"""
# Asked of the server itself: owner, FORCE and BYPASSRLS are its own business.
ROWS = r"""
    SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relrowsecurity AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
      AND row_security_active(c.oid)
    ORDER BY 1
"""
LARGE_OBJECTS = """
    SELECT 'the large object ' || l.oid FROM pg_largeobject_metadata AS l
    WHERE NOT pg_has_role(l.lomowner, 'USAGE') AND NOT EXISTS (
      SELECT FROM aclexplode(l.lomacl) AS a
      WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))
    LIMIT 4
"""


def what_is_hidden(address: DatabaseAddress) -> list[str]:
    """A sentence for each kind of thing that keeps this role from dumping its whole database; empty: nothing does.

    Raises:
        DatabaseUnreachable, PasswordRefused, DatabaseMissing
    """
    user, fails = address.user, "Every backup would fail;"
    with visit(address) as db:
        schemas, tables, rows, objects = (
            [one for (one,) in db.execute(query)] for query in (SCHEMAS, TABLES, ROWS, LARGE_OBJECTS)
        )
    found = []
    if schemas:
        found.append(f"{user} may not use the schema {some_of(schemas)}. {fails} grant USAGE to the role.")
    if tables:
        found.append(f"{user} may not read {some_of(tables)}. {fails} grant SELECT to the role.")
    if rows:
        found.append(
            f"Row-level security hides rows of {some_of(rows)} from {user}. {fails} register the owner's address, "
            "or give the role BYPASSRLS."
        )
    if objects:
        found.append(f"{user} may not read {some_of(objects)}. {fails} make the role their owner.")
    return found
