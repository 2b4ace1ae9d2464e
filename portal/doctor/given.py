"""What the settings say: taken together, and against what production needs."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.http.request import validate_host

from .finding import GOOD, MISSING, WARNING, Finding

LOOPBACK = ("localhost", "127.0.0.1", "::1")
SHORTEST_KEY = 50


def look_at_settings() -> Iterator[Finding]:
    about = "Settings"
    host, is_production = urlsplit(settings.BASE_URL).hostname or "", settings.BASE_URL.startswith("https://")
    missing = [message.msg for message in checks.run_checks() if message.level >= checks.ERROR]
    if not validate_host(host, settings.ALLOWED_HOSTS):
        missing.append(f"PORTAL_ALLOWED_HOSTS leaves out {host}, so nobody gets a page there; add it.")
    if is_production and settings.DEBUG:
        missing.append("PORTAL_DEBUG is on, so failures show the portal's inside to everybody; switch it off.")
    warnings = []
    if is_production and len(settings.SECRET_KEY) < SHORTEST_KEY:
        warnings.append(f"PORTAL_SECRET_KEY has fewer than {SHORTEST_KEY} characters; make a longer one by chance.")
    if not is_production and host not in LOOPBACK:
        warnings.append("PORTAL_BASE_URL begins with http://, so passwords can be read on their way; use https://.")
    if settings.X_ACCEL_WANTED and not settings.X_ACCEL:
        warnings.append("PORTAL_X_ACCEL has no effect with a vault on S3; leave it out.")
    yield from (Finding(about, MISSING, sentence) for sentence in missing)
    yield from (Finding(about, WARNING, sentence) for sentence in warnings)
    if not missing and not warnings:
        yield Finding(about, GOOD, f"People reach the portal at {settings.BASE_URL}.")
