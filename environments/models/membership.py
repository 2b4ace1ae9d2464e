"""Who belongs to an app, with which role, and where the role is replaced by other rights."""

from django.conf import settings
from django.db import models

from ..choices import RIGHTS_OF, Right, Role
from .app import App
from .environment import Environment


class Membership(models.Model):
    """A person's place in an app's team. The role holds in every environment without a grant of its own."""

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["app", "user"]
        constraints = [models.UniqueConstraint(fields=["app", "user"], name="member_once_per_app")]

    def __str__(self) -> str:
        return f"{self.user} in {self.app}"

    @property
    def rights(self) -> frozenset[Right]:
        return RIGHTS_OF[self.role]


class Grant(models.Model):
    """What a member may do in one environment, instead of what the role says."""

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="grants")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="grants")
    rights = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["membership", "environment"], name="grant_once")]

    def __str__(self) -> str:
        return f"{self.membership}, {self.environment}"
