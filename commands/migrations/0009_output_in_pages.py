from django.db import migrations


class Migration(migrations.Migration):
    """That output was left out shows by the numbers of its pages."""

    dependencies = [("commands", "0008_derived_flags")]

    operations = [migrations.RemoveField("job", "left_out")]
