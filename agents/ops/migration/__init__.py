"""Migration of an installation to another prefix, also with another number of partitions."""

from agents.ops.migration.plan import COPIED, MigrationRefused, Plan, plan
from agents.ops.migration.service import MigrationReport, completed, migrate

__all__ = ["COPIED", "MigrationRefused", "MigrationReport", "Plan", "completed", "migrate", "plan"]
