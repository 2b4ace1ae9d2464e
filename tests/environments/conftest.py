"""The admin as support staff use it."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse


@pytest.fixture
def staff(support: User, client: Client) -> Client:
    client.force_login(support)
    return client


def page(model: str, key: object = None, app: str = "environments") -> str:
    name = f"admin:{app}_{model}_{'change' if key else 'changelist'}"
    return reverse(name, args=[key] if key else [])


def text(response: Any) -> str:
    return str(response.content.decode())
