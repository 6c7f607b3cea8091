from django.db import migrations


class Migration(migrations.Migration):
    """What was kept follows from the counts of the run and the time of the job."""

    dependencies = [("commands", "0007_cron_passes")]

    operations = [
        migrations.RemoveField("job", "held"),
        migrations.RemoveField("run", "failure_told"),
        migrations.RemoveField("run", "mailed"),
    ]
