"""What support staff see and change of apps, places and people. What they do is recorded like everybody's."""

from .people import MembershipAdmin, PersonAdmin
from .places import AppAdmin, EnvironmentAdmin, PackageAdmin, RegionAdmin
from .work import ActivityAdmin, OperationAdmin, ReadOnlyAdmin

__all__ = [
    "ActivityAdmin",
    "AppAdmin",
    "EnvironmentAdmin",
    "MembershipAdmin",
    "OperationAdmin",
    "PackageAdmin",
    "PersonAdmin",
    "ReadOnlyAdmin",
    "RegionAdmin",
]
