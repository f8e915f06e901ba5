import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ecomai_registry", "0002_trainingschedule_hyperparameters")]

    operations = [
        migrations.CreateModel(
            name="AuditBlock",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("number", models.PositiveBigIntegerField(unique=True, verbose_name="number")),
                (
                    "previous",
                    models.CharField(blank=True, max_length=64, verbose_name="digest of the block before"),
                ),
                ("entries", models.JSONField(verbose_name="ids and digests of the entries")),
                ("digest", models.CharField(max_length=64, verbose_name="digest")),
                (
                    "is_removed",
                    models.BooleanField(default=False, verbose_name="its entries were removed for their age"),
                ),
                (
                    "sealed_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="sealed"),
                ),
            ],
            options={
                "verbose_name": "block of the audit log",
                "verbose_name_plural": "blocks of the audit log",
            },
        ),
        migrations.AddField(
            model_name="auditentry",
            name="block",
            field=models.ForeignKey(
                blank=True, db_index=False, editable=False, null=True,
                on_delete=django.db.models.deletion.SET_NULL, related_name="audit_entries",
                to="ecomai_registry.auditblock", verbose_name="block",
            ),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["block", "created_at"], name="ecomai_audit_block"),
        ),
    ]  # fmt: skip
