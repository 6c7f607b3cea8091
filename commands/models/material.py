"""What a run has read for all of its jobs, such as a role of the source."""

import json
import zlib
from base64 import b64decode, b64encode

from django.db import models
from django.utils.translation import gettext as _

from commands.base import CommandFailed, Json
from tenants.fields import EncryptedTextField

LIMIT = 10 * 1024**2  # bytes as stored: below MariaDB's usual max_allowed_packet


class Material(models.Model):
    """What `Command.prepare` returned; it may hold passwords, and goes with the run."""

    run = models.OneToOneField(
        "Run", models.CASCADE, primary_key=True, related_name="material_row"
    )
    data = EncryptedTextField()  # base64 of compressed JSON

    def __str__(self) -> str:
        return f"material of run {self.run_id}"

    @classmethod
    def of(cls, run: int) -> Json:
        """Return what is kept for a run, None for nothing."""
        found = cls.objects.filter(run=run).first()
        return json.loads(zlib.decompress(b64decode(found.data))) if found else None

    @classmethod
    def pack(cls, value: Json) -> str:
        """Return a value as it is stored; raise CommandFailed when it is too large."""
        packed = b64encode(zlib.compress(json.dumps(value).encode())).decode()
        if len(packed) > LIMIT:
            said = _(
                "What is to be copied takes %(size)s MiB compressed, and %(most)s MiB "
                "is the most: copy less at a time"
            )
            size, most = len(packed) // 1024**2, LIMIT // 1024**2
            raise CommandFailed(said % {"size": size, "most": most})
        return packed
