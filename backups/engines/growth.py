"""Growth: a strange dump may make more rows than its bytes tell of, but not fill the server's disk."""

import time
from collections.abc import Callable

from ..errors import LoadFailed
from .place import Place

# The larger of the two counts. Text that repeats itself packs well; indexes come on top.
MOST_TIMES_THE_DUMP = 100
MOST_BYTES_OF_A_SMALL_DUMP = 10 << 30
LOOK_EVERY_SECONDS = 5.0


class Growth:
    """Looks at a database's size now and then; hand on `beat` in place of one's own."""

    def __init__(self, place: Place, name: str, dump_bytes: int, beat: Callable[[], None]) -> None:
        self._place, self._name, self._beat = place, name, beat
        self._most = max(dump_bytes * MOST_TIMES_THE_DUMP, MOST_BYTES_OF_A_SMALL_DUMP)
        self._looked = time.monotonic()

    def beat(self) -> None:
        """Raises: LoadFailed, psycopg.Error, and whatever the other beat raises."""
        self._beat()
        if time.monotonic() - self._looked < LOOK_EVERY_SECONDS:
            return
        with self._place.beside() as connection:
            found = connection.execute("SELECT pg_database_size(%s)", [self._name]).fetchone()
        self._looked = time.monotonic()
        if found and int(str(found[0])) > self._most:
            raise LoadFailed(
                f"The dump grew to more than {self._most / 1e9:,.1f} GB while it was loaded, as only made-up dumps do. "
                "Nothing was changed."
            )
