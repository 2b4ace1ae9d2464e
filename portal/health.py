"""Health: whether the portal answers, reaches its database, and its workers show themselves. For machines to ask."""

import logging

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from environments.lifecycle.signs import WorkerHealth, worker_health

UNAVAILABLE = 503
LIVE, READY = "live", "ready"

logger = logging.getLogger(__name__)


@require_safe
@never_cache
@login_not_required
def health(request: HttpRequest) -> JsonResponse:
    """200 when all is well, else 503. `?only=live` asks the web process alone, `?only=ready` also its database."""
    only = request.GET.get("only")
    if only == LIVE:
        return JsonResponse({"live": True})
    workers = _workers()
    is_well = workers is not None and (only == READY or workers.is_alive)
    return JsonResponse(
        {"live": True, "ready": workers is not None, "workers": _shown(workers)}, status=200 if is_well else UNAVAILABLE
    )


def _workers() -> WorkerHealth | None:
    """None: the portal's own database does not answer, or is not migrated."""
    try:
        return worker_health()
    except DatabaseError as error:
        logger.warning("The portal's database does not answer: %s", str(error).strip())
        return None


def _shown(workers: WorkerHealth | None) -> dict[str, object] | None:
    if workers is None:
        return None
    seen = workers.seen_seconds
    return {
        "alive": workers.is_alive,
        "seen_seconds": None if seen is None else round(seen, 1),
        "problems": list(workers.problems),
    }
