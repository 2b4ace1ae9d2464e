"""The Environment page: what its app does now, what is deployed, where it runs, and its parts that stay fresh."""

from datetime import datetime
from functools import cached_property
from typing import NamedTuple

import psycopg
from django.core.cache import cache
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from environments import clock
from environments.access import Passed, pass_gate
from environments.choices import Right, State
from environments.lifecycle.kinds import title_of
from environments.lifecycle.submit import in_the_way
from environments.models import Activity, AppService, Environment, Operation, Package
from environments.runtimes.choose import Means, means_of
from environments.states import look

from ..engines import postgresql
from ..engines.place import SAID, level_of
from ..errors import Failed, Refused
from ..operations.exchange import place_of
from ..operations.fitting import Versions, compare_with_live, fitting_package, live_versions
from ..operations.inspect import POOLED
from ..operations.nights import next_nightly
from ..policy.nightly import SlotWords
from ..policy.versions import Comparison
from .page import backups_in

SHOWN_PACKAGES = 20
LOOKED_BACK = 200
# An open page asks the app again after so long, however many people look at it.
ASKED_EVERY_SECONDS = 15
ASKING_SECONDS = 60


class PackageRow(NamedTuple):
    """A package of the app, as it stands to this environment."""

    package: Package
    fits: Comparison
    deployed: Activity | None
    is_deployed_now: bool


class Here:
    """What the page shows of an environment. Templates read it; nothing is asked twice."""

    def __init__(self, passed: Passed, *, shows_all: bool = False) -> None:
        self.passed, self.environment, self.shows_all = passed, passed.environment, shows_all

    @property
    def may_operate(self) -> bool:
        return Right.OPERATE in self.passed

    # What the app does

    @cached_property
    def means(self) -> Means:
        return means_of(self.environment)

    @cached_property
    def busy(self) -> str:
        """What runs here now, or waits for it; empty: nothing is in the way."""
        operation: Operation | None = in_the_way(self.environment)
        return title_of(operation.kind) if operation else ""

    @property
    def is_unknown(self) -> bool:
        return self.environment.state == State.UNKNOWN

    @property
    def may_stop(self) -> bool:
        is_there = self.environment.state in (State.RUNNING, State.UNKNOWN)
        return self.may_operate and self.means.may_stop and is_there and not self.busy

    @property
    def may_start(self) -> bool:
        is_there = self.environment.state in (State.STOPPED, State.UNKNOWN) and self.environment.package is not None
        return self.may_operate and self.means.may_start and is_there and not self.busy

    # Packages

    @cached_property
    def live(self) -> Versions | None:
        return live_versions(self.environment)

    @property
    def is_fitting(self) -> bool:
        """Whether what is deployed is what the data was made with, or nobody knows better."""
        package = self.environment.package
        return package is None or compare_with_live(package, self.live) in (Comparison.EQUAL, Comparison.UNKNOWN)

    @cached_property
    def needed(self) -> Package | None:
        """The package that the data was made with, where it is registered."""
        return fitting_package(self.environment, self.live)

    @cached_property
    def packages_count(self) -> int:
        return Package.objects.filter(app=self.environment.app_id).count()

    @cached_property
    def packages(self) -> list[PackageRow]:
        """The newest of the app's; what is deployed and what fits are always among them, and first."""
        rows = Package.objects.filter(app=self.environment.app_id)
        found = list(rows[: None if self.shows_all else SHOWN_PACKAGES])
        first = [one for one in (self.environment.package, None if self.is_fitting else self.needed) if one]
        others = [one for one in found if one not in first]
        deployments = self._deployments()
        return [
            PackageRow(one, compare_with_live(one, self.live), deployments.get(one.pk), one == self.environment.package)
            for one in (*dict.fromkeys(first), *others)
        ]

    def _deployments(self) -> dict[int, Activity]:
        """By package: when it was last deployed here, and by whom."""
        rows = Activity.objects.filter(environment=self.environment, action="package.deployed")
        newest_first = list(rows.order_by("-at", "-pk")[:LOOKED_BACK])
        return {line.facts["package"]: line for line in reversed(newest_first) if "package" in line.facts}

    # What else there is

    @cached_property
    def services(self) -> list[AppService]:
        return list(AppService.objects.filter(environment=self.environment))

    @property
    def published_count(self) -> int:
        return sum(service.is_published for service in self.services)

    @cached_property
    def last_good_at(self) -> datetime | None:
        newest = backups_in(self.environment).usable().newest_first()
        return newest.values_list("created_at", flat=True).first()

    @cached_property
    def kept_count(self) -> int:
        found: int = backups_in(self.environment).completed().aggregate(count=Count("pk"))["count"]
        return found

    @property
    def next_nightly(self) -> SlotWords | None:
        return next_nightly(self.environment, self.passed.night_starts_at, clock.now())

    @property
    def database_place(self) -> str:
        """Where the database is, without any password."""
        return str(self.environment.plain_address)

    @property
    def database_user(self) -> str:
        return self.environment.plain_address.user


@require_safe
def environment_page(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    passed = pass_gate(request, app, environment)
    here = Here(passed, shows_all=request.GET.get("packages") == "all")
    return render(request, "backups/environment/page.html", {"here": here, "environment": passed.environment})


@require_safe
def environment_live(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    """The parts that change by themselves, after the app was asked how it does."""
    passed = pass_gate(request, app, environment)
    _ask(passed.environment)
    here = Here(passed, shows_all=request.GET.get("packages") == "all")
    return render(request, "backups/environment/_live.html", {"here": here, "environment": passed.environment})


@require_safe
def environment_database(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    """What the database's server says: it may take its time, so the page does not wait for it."""
    passed = pass_gate(request, app, environment)
    is_part = bool(request.headers.get("HX-Request"))
    template = "backups/environment/_database.html" if is_part else "backups/environment/database.html"
    response = render(request, template, {"environment": passed.environment, **_look_at_database(passed.environment)})
    patch_vary_headers(response, ["HX-Request"])
    return response


def environment_address(environment: Environment) -> str:
    return reverse("backups:environment", args=[environment.app.slug, environment.slug])


def _ask(environment: Environment) -> None:
    """Ask the app anew, unless it was asked a moment ago or somebody is just asking."""
    if environment.state_at and (clock.now() - environment.state_at).total_seconds() < ASKED_EVERY_SECONDS:
        return
    key = f"asking:{environment.pk.hex}"
    if cache.add(key, True, ASKING_SECONDS):
        try:
            look(environment)
        finally:
            cache.delete(key)


def _look_at_database(environment: Environment) -> dict[str, object]:
    try:
        place = place_of(environment)
        server = postgresql.look_at(place.app)
        words = POOLED if server.is_pooled else SAID[level_of(place)]
    except (Failed, Refused) as error:
        return {"problem": str(error)}
    except psycopg.Error as error:
        return {"problem": f"What can be put back could not be seen ({str(error).strip().splitlines()[0]})."}
    return {"server": server, "level": words}
