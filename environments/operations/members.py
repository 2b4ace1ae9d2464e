"""Members: who belongs to an app's team, with which role, and where other rights hold instead of the role's."""

from collections.abc import Iterable, Mapping, Sequence

from django.contrib.auth.models import User
from django.db import transaction

from ..actors import Actor
from ..choices import Right, Role
from ..errors import LastContact, MemberAlready, MemberChanged
from ..models import App, Environment, Grant, Membership
from .admit import called, tell
from .invite import Invited, invite

# What a role may be narrowed or widened to in one environment. Managing members is a matter of the whole app.
GRANTABLE = tuple(right for right in Right if right != Right.MANAGE_MEMBERS)


def manages_members(user: User, app: App) -> bool:
    """Whether a person may change who belongs to an app: by role, so that nobody raises themselves."""
    if not user.is_active:
        return False
    if user.is_superuser:
        return True
    return Membership.objects.filter(app=app, user=user, role=Role.TECHNICAL_CONTACT).exists()


def invite_member(app: App, email: str, role: str, *, by: Actor) -> Invited:
    """Invite somebody who is no member yet, or make a new link for somebody who has not used theirs.

    Raises:
        MemberAlready: somebody with this address is a member already, with another role or with an account.
        InvitationRefused
    """
    member = Membership.objects.filter(app=app, user__email__iexact=email.strip()).select_related("user").first()
    if member is not None and (member.user.is_active or member.role != role):
        raise MemberAlready(
            f"{called(member.user)} is a member already, as {Role(member.role).label.lower()}. Change the role instead."
        )
    return invite(email, app, role, by=by)


def change_member(
    membership: Membership,
    *,
    role: str,
    own_rights: Mapping[Environment, frozenset[str]],
    by: Actor,
    seen: str | None = None,
) -> None:
    """Give a member a role, and in these environments other rights than the role's; in all others the role holds.

    `seen` is what the person who changes it saw of them, in words; None: whatever it is.

    Raises:
        LastContact: nobody else could manage the members afterwards.
        MemberChanged: somebody else changed the rights meanwhile.
    """
    if role == Role.TECHNICAL_CONTACT:
        own_rights = {}
    granted = {place: [right for right in GRANTABLE if right in rights] for place, rights in own_rights.items()}
    wanted = _in_words(role, granted)
    with transaction.atomic():
        _lock(membership.app)
        now = rights_in_words(Membership.objects.get(pk=membership.pk))
        if now == wanted:
            return
        if seen is not None and seen != now:
            raise MemberChanged(called(membership.user), now)
        if role != Role.TECHNICAL_CONTACT:
            _check_not_last(membership)
        membership.role = role
        membership.save(update_fields=["role"])
        membership.grants.all().delete()
        Grant.objects.bulk_create(
            Grant(membership=membership, environment=place, rights=rights) for place, rights in granted.items()
        )
        role_words, _, own = wanted.partition(".")
        sentence = f"{by.name} made {called(membership.user)} {role_words} of {membership.app.name}.{own}"
        tell(membership.app, sentence, by=by)


def rights_in_words(membership: Membership) -> str:
    """A member's role, and the environments where other rights hold: `developer. In Live: view.`"""
    grants = membership.grants.select_related("environment").order_by("environment__name")
    return _in_words(membership.role, {grant.environment: grant.rights for grant in grants})


def _in_words(role: str, own_rights: Mapping[Environment, Sequence[str]]) -> str:
    own = "".join(f" In {place.name}: {', '.join(rights) or 'nothing'}." for place, rights in own_rights.items())
    return f"{Role(role).label.lower()}.{own}"


def remove_member(membership: Membership, *, by: Actor) -> None:
    """Take a member out of the team. What they did stays in the history, and what they asked for goes on.

    Raises:
        LastContact: nobody else could manage the members afterwards.
    """
    with transaction.atomic():
        _lock(membership.app)
        _check_not_last(membership)
        app, user = membership.app, membership.user
        tell(app, f"{by.name} took {called(user)} out of the team of {app.name}.", by=by)
        membership.delete()


def _lock(app: App) -> None:
    """One change of a team at a time: two last contacts must not take each other out."""
    App.objects.select_for_update().get(pk=app.pk)


def leaves_no_contact(app: App, leaving: Iterable[Membership]) -> bool:
    """Whether nobody could manage the app's members any more without these; False where nobody of them does."""
    contacts = Membership.objects.filter(app=app, role=Role.TECHNICAL_CONTACT)
    keys = [membership.pk for membership in leaving]
    going, staying = contacts.filter(pk__in=keys), contacts.exclude(pk__in=keys)
    if going.filter(user__is_active=True).exists():
        staying = staying.filter(user__is_active=True)
    return going.exists() and not staying.exists()


def _check_not_last(membership: Membership) -> None:
    if leaves_no_contact(membership.app, [membership]):
        raise LastContact(
            f"{called(membership.user)} is the only technical contact of {membership.app.name}. "
            "Make somebody else one first."
        )
