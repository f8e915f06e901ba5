from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ecomai_registry", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="trainingschedule",
            name="hyperparameters",
            field=models.JSONField(blank=True, default=dict, verbose_name="hyperparameters"),
        ),
    ]
