"""Clusters of workers, as they show life."""

from datetime import timedelta

from django.db import models
from django.utils import timezone

from commands import host


class Cluster(models.Model):
    """A queue's cluster of workers on one host, and when it last showed life."""

    queue = models.CharField(max_length=40)
    worker = models.CharField(max_length=120, unique=True)  # host:pid:start time
    heartbeat_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.queue} on {self.worker}"

    @classmethod
    def alive(cls, name: str) -> bool:
        """Whether a cluster of this queue showed life in the last half minute."""
        since = timezone.now() - timedelta(seconds=30)
        clusters = cls.objects.filter(queue=name, heartbeat_at__gt=since)
        return any(host.is_alive(c.worker) is not False for c in clusters)
