"""Small words for templates: icons, sizes, moments."""

from django import template

register = template.Library()
