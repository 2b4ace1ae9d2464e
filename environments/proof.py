"""A recent proof of identity: asked for before production can lose something."""

import time

from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.http import HttpRequest


def require_proof(request: HttpRequest) -> None:
    """Let only those through who proved within the last quarter of an hour who they are, by signing in or again.

    Raises:
        ReauthenticationRequired: the sign-in library asks, and then goes on with the same request, posted fields too.
    """
    records = get_authentication_records(request, request.user)
    proved_at = max((record["at"] for record in records), default=0.0)
    if time.time() - proved_at < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT:
        return
    # The answer comes to a page of its own, not into the part that asked.
    request.META.pop("HTTP_HX_REQUEST", None)
    raise ReauthenticationRequired
