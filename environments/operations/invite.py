"""Invite: let a person in who has no account yet, by a link that works once, for seven days."""

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, validate_email
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from ..actors import Actor
from ..errors import InvitationNotValid, InvitationRefused
from ..models import App
from .admit import admit, called, tell

LIVES = timedelta(days=7)
SALT = "environments.invitation"
LONGEST_NAME = 150  # people sign in with their address, as with a user name


@dataclass(frozen=True)
class Invited:
    """Who was invited. `token` is the end of the link; empty when the person has an account already."""

    user: User
    token: str


def invite(email: str, app: App, role: str, *, by: Actor) -> Invited:
    """Make a person a member of an app. Who has no account gets one that cannot be used until the link is.

    A second invitation replaces the first: its link is dead.

    Raises:
        InvitationRefused: no such address can be; several accounts have it; its account is switched off.
    """
    email = email.strip().lower()
    try:
        validate_email(email)
        MaxLengthValidator(LONGEST_NAME)(email)
    except ValidationError:
        raise InvitationRefused(f"{email!r} is no mail address. Nobody was invited.") from None
    with transaction.atomic():
        user = _account_of(email)
        admit(app, user, role, by=by)
        if user.is_active:
            return Invited(user, "")
        user.set_unusable_password()  # another one each time: the seal of an earlier link no longer fits
        user.save(update_fields=["password"])
        return Invited(user, signing.dumps({"user": user.pk, "seal": _seal(user)}, salt=SALT))


def read_invitation(token: str) -> User:
    """Who is invited by a link.

    Raises:
        InvitationNotValid: it was used, replaced, is too old, or was never made.
    """
    try:
        said = signing.loads(token, salt=SALT, max_age=LIVES)
    except signing.BadSignature:
        raise InvitationNotValid from None
    user = User.objects.filter(pk=said["user"], is_active=False).first()
    if user is None or not constant_time_compare(said["seal"], _seal(user)):
        raise InvitationNotValid
    return user


def accept(token: str, *, first_name: str, last_name: str, password: str) -> User:
    """Use a link: the account is the person's from now on.

    Raises:
        InvitationNotValid: also when somebody else used it a moment ago.
    """
    user = read_invitation(token)
    with transaction.atomic():
        unused = User.objects.filter(pk=user.pk, is_active=False, password=user.password)
        if not unused.update(
            is_active=True, first_name=first_name, last_name=last_name, password=make_password(password)
        ):
            raise InvitationNotValid
        user.refresh_from_db()
        for membership in user.memberships.select_related("app"):
            tell(membership.app, f"{called(user)} accepted the invitation.", by=Actor.person(user))
    return user


def _account_of(email: str) -> User:
    found = list(User.objects.filter(email__iexact=email)[:2]) or list(User.objects.filter(username=email)[:1])
    if not found:
        return User.objects.create_user(email, email, is_active=False)
    if len(found) > 1:
        raise InvitationRefused(f"Several accounts have the address {email}. Nobody was invited; use the admin.")
    if not found[0].is_active and (found[0].has_usable_password() or found[0].last_login):
        raise InvitationRefused(
            f"The account of {email} is switched off. Nobody was invited; support staff can switch it on."
        )
    return found[0]


def _seal(user: User) -> str:
    """What no longer fits once the link was used, replaced, or the address changed."""
    return salted_hmac(SALT, f"{user.pk} {user.password} {user.email}").hexdigest()[:32]
