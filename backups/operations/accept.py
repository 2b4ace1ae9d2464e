"""Accept: whether dumps that people upload can be put into an environment at all, and with which programs."""

import psycopg
from django.conf import settings

from environments.models import Environment

from ..engines import postgresql
from ..engines.place import SAID, Level, level_of
from ..engines.tools import Tools, find_tools, floor_of, is_below_floor
from ..errors import DatabaseUnreachable, UploadRefused
from .exchange import place_of


def check_is_taken(environment: Environment) -> Tools:
    """The client programs that an uploaded dump is read and loaded with.

    Raises:
        UploadRefused: level (a maintenance role is missing), old-client.
        DatabaseUnreachable and its like, ToolMissing: it cannot be told now.
    """
    place = place_of(environment)
    tools = find_tools(postgresql.look_at(place.app).major)
    try:
        level = level_of(place)
    except psycopg.Error as error:
        raise DatabaseUnreachable(
            f"The maintenance role's address does not answer ({str(error).strip().splitlines()[0]}). "
            "Nothing was changed. Look at --admin-database."
        ) from None
    if level != Level.FULL:
        raise UploadRefused("level", f"{SAID[level]} Nothing was changed.")
    if is_below_floor(tools.version) and not settings.ALLOW_OLD_CLIENTS:
        raise UploadRefused(
            "old-client",
            f"The portal's PostgreSQL programs ({tools.version}) are older than {floor_of(tools.major)} and not safe "
            "with other people's dumps. Nothing was changed. Install newer ones on the portal's machine.",
        )
    return tools
