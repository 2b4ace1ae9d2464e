"""Row 12's inside: 100,000 backups, our list and a plain one, CPU seconds a request. Prints one JSON object."""

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.paginator import Paginator  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.template import engines  # noqa: E402
from django.test import Client, RequestFactory  # noqa: E402
from django.test.utils import CaptureQueriesContext, override_settings  # noqa: E402

from backups.models import Backup  # noqa: E402
from environments.models import App, Environment, Operation, Region  # noqa: E402

ROWS = 100_000
PLAIN = """{% load static %}<table>{% for b in page %}<tr><td>{{ b.operation.status }}</td><td>{{ b.condition }}</td>
<td>{{ b.created_at|date:"Y-m-d H:i" }}</td><td>{{ b.created_at|timesince }}</td><td>{{ b.created_by }}</td>
<td>{{ b.comment }}</td><td>{{ b.model_version }}</td><td>{{ b.total_bytes|filesizeformat }}</td>
<td>{{ b.expires_at|date:"Y-m-d" }}</td><td>{{ b.get_kept_by_display }}</td>
<td>{% for k in kinds %}<a href="/x/{{ b.pk }}/{{ k }}/">{{ k }}</a>{% endfor %}
<a href="/x/{{ b.pk }}/comment/">Comment</a><a href="/x/{{ b.pk }}/delete/">Delete</a></td></tr>{% endfor %}</table>
{{ page.paginator.count }} {{ page.number }}"""


def fill() -> Environment:
    """One environment with 100,000 Completed backups, an hour apart."""
    app = App.objects.create(slug="many", name="Many")
    environment = Environment.objects.create(
        app=app, slug="live", name="Live", region=Region.objects.get(slug="europe"), database="postgresql://a@b/c"
    )
    began = datetime(2015, 1, 1, tzinfo=UTC)
    operations = [operation_at(began + timedelta(hours=number), environment) for number in range(ROWS)]
    Operation.objects.bulk_create(operations, batch_size=1000)
    Backup.objects.bulk_create((backup_of(operation) for operation in operations), batch_size=1000)
    return environment


def operation_at(moment: datetime, environment: Environment) -> Operation:
    return Operation(
        kind="create",
        environment=environment,
        status="Completed",
        created_at=moment,
        requested_by_name="Nightly",
        origin="nightly",
        is_exclusive=True,
        may_repeat=True,
        queue="long",
        time_limit_seconds=1,
        finished_at=moment,
    )


def backup_of(operation: Operation) -> Backup:
    return Backup(
        environment=operation.environment,
        operation=operation,
        created_by="Nightly",
        created_at=operation.created_at,
        expires_at=operation.created_at,
        kept_by="daily",
        comment="before the rollout",
        model_version="1.4.2",
        database_bytes=3_940_000_000,
        files_bytes=870_000_000,
        files_count=18_204,
        stored_attempt=1,
    )


def plain(request: HttpRequest) -> HttpResponse:
    """What a plain Django view of the same rows does."""
    rows = Backup.objects.select_related("operation", "environment__app").order_by("-created_at")
    page = Paginator(rows, 50).get_page(request.GET.get("page"))
    template = engines["django"].from_string(PLAIN)
    return HttpResponse(template.render({"page": page, "kinds": ("full", "files", "database")}, request))


def cpu_seconds(ask: Callable[[], HttpResponse], times: int = 40) -> float:
    for _ in range(5):
        ask()
    began = time.process_time()
    for _ in range(times):
        assert ask().status_code == 200
    return (time.process_time() - began) / times


def main() -> None:
    environment = fill()
    user = get_user_model().objects.create(username="pages", is_superuser=True)
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    address = environment.get_absolute_url()
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(address).status_code == 200
        oldest = Backup.objects.order_by("created_at")[49]
        request = RequestFactory().get("/plain")
        request.user, request.session = user, client.session  # type: ignore[assignment]
        figures = {
            "queries": len(queries),
            "first": cpu_seconds(lambda: client.get(address)),
            "last": cpu_seconds(
                lambda: client.get(address, {"before": f"{oldest.created_at.isoformat()}_{oldest.pk}"})
            ),
            "plain": cpu_seconds(lambda: plain(request)),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
