"""What is remembered of apps, places, people and long work."""

from .activity import Activity, record, unwritten
from .app import App
from .app_service import AppService
from .environment import Environment
from .membership import Grant, Membership
from .operation import Crew, Operation, Sign
from .package import Package
from .region import Region, RegionStart

__all__ = [
    "Activity",
    "App",
    "AppService",
    "Crew",
    "Environment",
    "Grant",
    "Membership",
    "Operation",
    "Package",
    "Region",
    "RegionStart",
    "Sign",
    "record",
    "unwritten",
]
