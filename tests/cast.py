"""The cast: an app in two environments, and one person of each role. Everybody is told apart by role, not by name."""

import time

import pytest
from django.contrib.auth.models import User
from django.test import Client

from environments.choices import Role
from environments.models import App, Environment
from tests.factories import AppFactory, EnvironmentFactory, MembershipFactory, UserFactory


@pytest.fixture
def app(db: None) -> App:
    return AppFactory(slug="order-desk", name="Order Desk")


@pytest.fixture
def environment(app: App) -> Environment:
    """The app's production environment; its database address leads nowhere."""
    return EnvironmentFactory(app=app, slug="live", name="Live", is_production=True)


@pytest.fixture
def acceptance(app: App) -> Environment:
    """Another environment of the same app, not production."""
    return EnvironmentFactory(app=app, slug="acceptance", name="Acceptance")


@pytest.fixture
def technical_contact(app: App) -> User:
    return _member(app, Role.TECHNICAL_CONTACT, "tess", "Tess", "Contact")


@pytest.fixture
def operator(app: App) -> User:
    return _member(app, Role.OPERATOR, "omar", "Omar", "Operator")


@pytest.fixture
def developer(app: App) -> User:
    return _member(app, Role.DEVELOPER, "dana", "Dana", "Developer")


@pytest.fixture
def viewer(app: App) -> User:
    return _member(app, Role.VIEWER, "vera", "Vera", "Viewer")


@pytest.fixture
def stranger(db: None) -> User:
    """Signed in, but a member of no app here."""
    return UserFactory(username="sten", first_name="Sten", last_name="Stranger")


@pytest.fixture
def support(db: None) -> User:
    """Support staff with all rights."""
    return UserFactory(username="sumi", first_name="Sumi", last_name="Support", is_staff=True, is_superuser=True)


def _member(app: App, role: str, username: str, first_name: str, last_name: str) -> User:
    user: User = UserFactory(username=username, first_name=first_name, last_name=last_name)
    MembershipFactory(app=app, user=user, role=role)
    return user


def signed_in(person: User, client: Client | None = None, *, seconds_ago: float = 0) -> Client:
    """A browser in which this person signed in by password so long ago."""
    client = client or Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time() - seconds_ago}]
    session["account_authentication_methods_user"] = str(person.pk)
    session.save()
    return client
