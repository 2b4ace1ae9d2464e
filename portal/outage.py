"""What people see when the portal fails: its error page, or that it is away while its database is so or older."""

import logging
import sys

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import requires_csrf_token
from django.views.defaults import server_error

UNAVAILABLE = 503
RETRY_AFTER_SECONDS = 60

logger = logging.getLogger(__name__)


@requires_csrf_token
def answer_error(request: HttpRequest) -> HttpResponse:
    """Called by Django while it handles the error."""
    error = sys.exc_info()[1]
    if not is_outage(error):
        return server_error(request)
    logger.error("The portal's own database is away or not migrated: %s", str(error).strip())
    # As it lies there: nginx shows the same file while no web process answers.
    page = (settings.ROOT / "static" / "maintenance.html").read_bytes()
    headers = {"Retry-After": RETRY_AFTER_SECONDS, "Cache-Control": "no-store"}
    return HttpResponse(page, status=UNAVAILABLE, headers=headers)


def is_outage(error: BaseException | None) -> bool:
    """Whether the portal's own database did not answer, or has not the tables of this version yet."""
    if isinstance(error, (OperationalError, InterfaceError)):
        return True
    return isinstance(error, DatabaseError) and _is_behind()


def _is_behind() -> bool:
    try:
        executor = MigrationExecutor(connection)
        return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError:
        return True
