from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("commands", "0006_cron_pass")]

    operations = [
        migrations.AlterModelOptions(
            name="cronpass", options={"verbose_name_plural": "cron passes"}
        ),
    ]
