"""The app, the environment and the menu, for every page (context processor)."""

from typing import Any

from django.http import HttpRequest


def navigation(request: HttpRequest) -> dict[str, Any]:
    """What the shell of every page shows."""
    return {}
