"""The app, the environment and the menu, for every page (context processor)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse

from environments.access import environments_of
from environments.choices import Status
from environments.lifecycle.periods import SIGN_STALE_SECONDS
from environments.lifecycle.signs import PORTAL, ago, sign_ages
from environments.models import App, Environment, Operation
from portal import __version__

# Switchers are menus: whoever may see more finds them on Home.
MOST_IN_SWITCHERS = 300
WORKERS_KEY, WORKERS_FOR_SECONDS = "workers", 5
THEME_COOKIE = "portal_theme"
THEMES = ("light", "dark")


@dataclass(frozen=True)
class MenuItem:
    label: str
    icon: str
    address: str
    is_current: bool


@dataclass(frozen=True)
class Workers:
    """When a worker last showed that work goes through."""

    seen_seconds: float | None

    @property
    def is_late(self) -> bool:
        return self.seen_seconds is None or self.seen_seconds > SIGN_STALE_SECONDS

    def __str__(self) -> str:
        return "never seen" if self.seen_seconds is None else f"{ago(self.seen_seconds)} ago"


class Navigation:
    """What the shell of a page shows. Nothing is asked before a template asks: fragments have no shell."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @cached_property
    def environments(self) -> list[Environment]:
        """The person's environments, those of the current app first."""
        if not self.request.user.is_authenticated:
            return []
        return environments_of(self.request.user, first_app=self._slugs[0], most=MOST_IN_SWITCHERS)

    @cached_property
    def environment(self) -> Environment | None:
        """The one whose page this is."""
        return next((one for one in self.environments if (one.app.slug, one.slug) == self._slugs), None)

    @property
    def siblings(self) -> list[Environment]:
        """All environments of the same app."""
        current = self.environment
        return [one for one in self.environments if current and one.app_id == current.app_id]

    @property
    def apps(self) -> list[tuple[App, Environment]]:
        """Each app with the first of its environments, by name."""
        firsts: dict[int, Environment] = {}
        for one in self.environments:
            firsts.setdefault(one.app_id, one)
        return sorted(((first.app, first) for first in firsts.values()), key=lambda pair: pair[0].name.casefold())

    @property
    def menu(self) -> list[MenuItem]:
        """Operate: the pages of the current environment."""
        if self.environment is None:
            return []
        match = self.request.resolver_match
        address = reverse("backups:list", args=self._slugs)
        return [MenuItem("Backups", "archive", address, bool(match and match.namespace == "backups"))]

    @cached_property
    def running_count(self) -> int:
        """How many operations run now in all places the person sees."""
        # Few run at a time anywhere, many have run in each place: counting by place would read them all.
        running = Operation.objects.filter(status=Status.RUNNING).values_list("environment", flat=True)
        mine = {one.pk for one in self.environments}
        return sum(place in mine for place in running) if mine else 0

    @cached_property
    def workers(self) -> Workers:
        """Looked at every few seconds, for all people together."""
        known: Workers | None = cache.get(WORKERS_KEY)
        if known is None:
            known = Workers(sign_ages().get(PORTAL))
            cache.set(WORKERS_KEY, known, WORKERS_FOR_SECONDS)
        return known

    @property
    def version(self) -> str:
        return __version__

    @property
    def theme(self) -> str:
        """light or dark where the person chose one; else the system decides."""
        chosen = self.request.COOKIES.get(THEME_COOKIE, "")
        return chosen if chosen in THEMES else ""

    @property
    def initials(self) -> str:
        user: Any = self.request.user
        words = (user.get_full_name() or user.get_username()).replace(".", " ").split()
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()

    @property
    def _slugs(self) -> tuple[str, str]:
        match = self.request.resolver_match
        given = match.kwargs if match else {}
        return str(given.get("app", "")), str(given.get("environment", ""))


def navigation(request: HttpRequest) -> dict[str, Any]:
    """What the shell of every page shows."""
    return {"navigation": Navigation(request)}
