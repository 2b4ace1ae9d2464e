"""Backups as support staff see them: everything, and nothing to change."""

from django.contrib import admin

from environments.admin import ReadOnlyAdmin

from .models import Backup


@admin.register(Backup)
class BackupAdmin(ReadOnlyAdmin):
    list_display = ("environment", "created_at", "created_by", "status", "condition", "expires_at", "comment")
    list_select_related = ("environment__app", "operation")
    list_filter = ("operation__status", "condition", "kept_by")
    search_fields = ("id", "comment", "created_by", "environment__slug", "environment__app__slug")
