"""The app, the environment and the menu, for every page (context processor)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.urls import reverse

from environments.access import environments_of
from environments.choices import Status
from environments.lifecycle.periods import SIGN_STALE_SECONDS
from environments.lifecycle.signs import PORTAL, ago, sign_ages
from environments.models import App, Environment, Operation
from portal import __version__

from .places import places_of

# Switchers are menus: whoever may see more finds them on Home.
MOST_IN_SWITCHERS = 300
WORKERS_KEY, WORKERS_FOR_SECONDS = "workers", 5
THEME_COOKIE = "portal_theme"
THEMES = ("light", "dark")
# The pages of the menu; an address below a page's own belongs to it.
BACKUPS = "backups:list"
PAGES = {
    BACKUPS: ("Backups", "archive"),
    "backups:environment": ("Environment", "server"),
    "backups:activity": ("Activity", "scroll-text"),
    "environments:members": ("Members", "users"),
}


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
    def siblings(self) -> list[tuple[Environment, str]]:
        """All environments of the same app, each with the address of the same page there."""
        current = self.environment
        same = [one for one in self.environments if current and one.app_id == current.app_id]
        return [(one, self._same_page_of(one)) for one in same]

    @property
    def apps(self) -> list[tuple[App, str]]:
        """Each app, by name, with the address of the same page: where the person was last in it, else in its first."""
        firsts: dict[int, Environment] = {}
        here = [self.environment] if self.environment else []
        for one in (*here, *self._remembered, *self.environments):
            firsts.setdefault(one.app_id, one)
        by_name = sorted(firsts.values(), key=lambda one: one.app.name.casefold())
        return [(one.app, self._same_page_of(one)) for one in by_name]

    @property
    def last(self) -> Environment | None:
        """Where the person was last, for pages that belong to no environment."""
        return next(iter(self._remembered), None)

    @property
    def menu(self) -> list[MenuItem]:
        """Operate: the pages of the current environment."""
        if self.environment is None:
            return []
        return [
            MenuItem(label, icon, reverse(page, args=self._slugs), self._page == page)
            for page, (label, icon) in PAGES.items()
        ]

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
    def has_mail(self) -> bool:
        """Whether a forgotten password can be helped by mail."""
        return bool(settings.EMAIL_HOST)

    @property
    def has_passkeys(self) -> bool:
        """Browsers keep passkeys for names reached safely, never for bare addresses."""
        host = split_domain_port(self.request.get_host())[0]
        is_name = not host.startswith("[") and not host.rpartition(".")[2].isdigit()
        return is_name and (self.request.is_secure() or host == "localhost")

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

    @cached_property
    def _remembered(self) -> list[Environment]:
        """The environments looked at last, newest first, as far as the person still sees them."""
        found = {(one.app.slug, one.slug): one for one in self.environments}
        return [found[pair] for pair in places_of(self.request) if pair in found]

    @property
    def _page(self) -> str:
        """Which page of the menu this is or belongs to; empty: none."""
        if not all(self._slugs):
            return ""
        beginnings = {page: reverse(page, args=self._slugs) for page in PAGES}
        return next((page for page, address in beginnings.items() if self.request.path.startswith(address)), "")

    def _same_page_of(self, environment: Environment) -> str:
        return reverse(self._page or BACKUPS, args=[environment.app.slug, environment.slug])

    @property
    def _slugs(self) -> tuple[str, str]:
        match = self.request.resolver_match
        given = match.kwargs if match else {}
        return str(given.get("app", "")), str(given.get("environment", ""))


def navigation(request: HttpRequest) -> dict[str, Any]:
    """What the shell of every page shows."""
    return {"navigation": Navigation(request)}
