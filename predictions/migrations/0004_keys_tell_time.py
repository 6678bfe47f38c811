import django.utils.timezone
from django.db import migrations, models

# As Django has named it on every database, from the names of table and column.
_CREATED_AT = "predictions_prediction_created_at_175bf28c"


# A key is a UUIDv7 and grows with time, so lists are in its order, and the time needs no index of its own.
class Migration(migrations.Migration):
    dependencies = [("predictions", "0003_fewer_indexes")]

    operations = [
        # To alter the field, Django would write the whole table anew on SQLite.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f"DROP INDEX {_CREATED_AT}",
                    f"CREATE INDEX {_CREATED_AT} ON predictions_prediction (created_at)",
                )
            ],
            state_operations=[
                migrations.AlterField(
                    model_name="prediction",
                    name="created_at",
                    field=models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="time"),
                ),
            ],
        ),
        migrations.RemoveIndex(model_name="prediction", name="prediction_version"),
        migrations.RemoveIndex(model_name="prediction", name="prediction_form"),
        migrations.RemoveIndex(model_name="prediction", name="prediction_warned"),
        migrations.RemoveIndex(model_name="prediction", name="prediction_reviewed"),
        migrations.RemoveIndex(model_name="prediction", name="prediction_outcome"),
        migrations.AddIndex(
            model_name="prediction",
            index=models.Index(fields=["model_version", "id"], name="prediction_version"),
        ),
        migrations.AddIndex(
            model_name="prediction",
            index=models.Index(condition=models.Q(("source", "form")), fields=["-id"], name="prediction_form"),
        ),
        migrations.AddIndex(
            model_name="prediction",
            index=models.Index(condition=models.Q(("has_warnings", True)), fields=["-id"], name="prediction_warned"),
        ),
        migrations.AddIndex(
            model_name="prediction",
            index=models.Index(condition=models.Q(("reviewed_at__isnull", False)), fields=["-id"], name="prediction_reviewed"),
        ),
        migrations.AddIndex(
            model_name="prediction",
            index=models.Index(condition=models.Q(("outcome_at__isnull", False)), fields=["-id"], name="prediction_outcome"),
        ),
    ]
