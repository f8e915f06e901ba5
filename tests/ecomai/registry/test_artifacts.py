"""Artifacts: whole or not at all, verified before use, removed when nobody needs them."""

import shutil
from datetime import timedelta

import pytest
from django.utils import timezone

from ecomai.registry import artifacts, retention
from ecomai.registry.exceptions import CorruptArtifactError, InvalidArtifactError
from ecomai.registry.models import Job, ModelVersion, RunMetric, TrainingRun
from ecomai.registry.runs import run_folder
from ecomai.registry.services import promote_version, request_training
from ecomai.registry.tasks import delete_old_artifacts, run_training

from .conftest import MODEL

pytestmark = pytest.mark.django_db


def stored_folder(registry_folder, version):
    return registry_folder / "artifacts" / version.artifact_path


def test_what_is_stored_is_what_is_opened(trained):
    version = trained(0.5)
    folder = artifacts.open_artifact(version)
    assert (folder / "model.json").read_text() == '{"value": 0.5}'
    assert artifacts.open_artifact(version) == folder
    artifacts.check_artifact(version)


def test_manifest_names_every_file_with_its_hash(tmp_path):
    folder = tmp_path / "made"
    (folder / "encoder").mkdir(parents=True)
    (folder / "encoder" / "tokenizer.json").write_text("{}")
    (folder / "model.onnx").write_bytes(b"graph")
    stored = artifacts.store_artifact(folder, model_name="m", number=3, kind="next_item")
    version = ModelVersion(artifact_path=stored.path, artifact_digest=stored.digest)
    opened = artifacts.open_artifact(version)
    assert (opened / "encoder" / "tokenizer.json").read_text() == "{}"
    import json

    manifest = json.loads((opened / "manifest.json").read_text())
    assert manifest["format_version"] == 1
    assert manifest["kind"] == "next_item"
    assert set(manifest["files"]) == {"encoder/tokenizer.json", "model.onnx"}
    assert stored.n_bytes >= 7


def test_empty_folder_is_no_artifact(tmp_path):
    with pytest.raises(InvalidArtifactError):
        artifacts.store_artifact(tmp_path, model_name="m", number=1, kind="k")


@pytest.mark.parametrize("name", ["model.json", "manifest.json"])
def test_damaged_file_is_detected(trained, registry_folder, name):
    version = trained(0.5)
    (stored_folder(registry_folder, version) / name).write_text('{"value": 9}')
    with pytest.raises(CorruptArtifactError, match=r"backup"):
        artifacts.open_artifact(version)
    with pytest.raises(CorruptArtifactError):
        artifacts.check_artifact(version)


@pytest.mark.parametrize("name", ["model.json", "manifest.json"])
def test_missing_file_is_detected(trained, registry_folder, name):
    version = trained(0.5)
    (stored_folder(registry_folder, version) / name).unlink()
    with pytest.raises(CorruptArtifactError, match="missing"):
        artifacts.open_artifact(version)


def test_damaged_local_copy_is_fetched_again(trained):
    version = trained(0.5)
    folder = artifacts.open_artifact(version)
    (folder / "model.json").write_text("garbage")
    assert (artifacts.open_artifact(version) / "model.json").read_text() == '{"value": 0.5}'


def test_local_copy_serves_while_the_storage_is_away(trained, registry_folder):
    version = trained(0.5)
    artifacts.open_artifact(version)
    shutil.rmtree(registry_folder / "artifacts")
    assert (artifacts.open_artifact(version) / "model.json").exists()


def test_manifest_that_points_outside_its_folder_is_refused(trained, registry_folder):
    import hashlib
    import json

    version = trained(0.5)
    manifest = json.dumps(
        {"format_version": 1, "kind": "k", "files": {"../../outside.json": "0" * 64}, "shared": []}
    )
    (stored_folder(registry_folder, version) / "manifest.json").write_text(manifest)
    version.artifact_digest = hashlib.sha256(manifest.encode()).hexdigest()
    with pytest.raises(CorruptArtifactError, match="elsewhere"):
        artifacts.open_artifact(version)


# -- retention ----------------------------------------------------------------------------------


def test_old_versions_lose_their_files_but_what_serves_and_what_may_come_back_keeps_them(
    trained, set_registry, registry_folder
):
    set_registry(KEEP_VERSIONS=1)
    versions = [trained(0.4 + number / 100) for number in range(1, 7)]
    for version in versions[1:3]:
        promote_version(version=version)
    delete_old_artifacts()
    delete_old_artifacts()

    kept = set(ModelVersion.objects.filter(is_artifact_deleted=False).values_list("number", flat=True))
    assert kept == {2, 3, 6}  # to roll back to, serving, newest
    for version in versions:
        assert stored_folder(registry_folder, version).exists() == (version.number in kept)


def test_files_without_a_version_go_after_a_day(trained, registry_folder):
    version = trained(0.5)
    leftover = registry_folder / "artifacts" / MODEL / "000009-abc"
    leftover.mkdir()
    (leftover / "model.json").write_text("{}")
    assert retention.delete_old_artifacts()["leftovers"] == 0
    import os

    two_days_ago = (timezone.now() - timedelta(days=2)).timestamp()
    os.utime(leftover / "model.json", (two_days_ago, two_days_ago))
    assert retention.delete_old_artifacts()["leftovers"] == 1
    assert not leftover.exists()
    assert stored_folder(registry_folder, version).exists()


def test_checkpoints_of_a_failed_run_stay_for_a_retry_and_then_go(training_does):
    training_does(lambda run: 1 / 0)
    run = request_training(model_name=MODEL)
    run_training(run.pk)
    folder = run_folder(TrainingRun.objects.get(pk=run.pk))
    retention.delete_old_artifacts()
    assert folder.exists()
    Job.objects.update(finished_at=timezone.now() - timedelta(days=8))
    retention.delete_old_artifacts()
    assert not folder.exists()


def test_clean_up_of_an_empty_shop_does_nothing(db):
    assert set(retention.delete_old_artifacts().values()) == {0}


def test_old_jobs_go_but_trainings_stay(trained, job_does):
    from ecomai.registry import jobs

    trained(0.5)
    old = jobs.enqueue_job(kind="probe")
    jobs.execute_job(old.pk)
    Job.objects.update(finished_at=timezone.now() - timedelta(days=365))
    assert retention.delete_old_artifacts()["jobs"] == 1
    assert Job.objects.get().training_run is not None


def test_old_curves_go_but_that_of_the_serving_version_stays(trained):
    for number, value in enumerate((0.5, 0.6), start=1):
        version = trained(value)
        RunMetric.objects.create(run=version.run, name="loss", step=1, value=number)
    promote_version(version=version)
    assert retention.delete_old_artifacts()["curve_points"] == 0
    Job.objects.update(finished_at=timezone.now() - timedelta(days=365))
    assert retention.delete_old_artifacts()["curve_points"] == 1
    assert RunMetric.objects.get().run.version == version


# -- backup -------------------------------------------------------------------------------------


def test_restore_of_database_and_folder_serves_the_same_version(
    trained, registry_folder, tmp_path, set_registry
):
    version = trained(0.5)
    backup = tmp_path / "backup"
    shutil.copytree(registry_folder / "artifacts", backup)
    shutil.rmtree(registry_folder)

    elsewhere = tmp_path / "new machine"
    shutil.copytree(backup, elsewhere / "artifacts")
    set_registry(FOLDER=elsewhere)
    assert (artifacts.open_artifact(version) / "model.json").read_text() == '{"value": 0.5}'


# -- files that versions share ------------------------------------------------------------------


@pytest.fixture
def store(tmp_path, registry_folder):
    """Stores a version with a large graph of the given letter."""

    def store(number, letter):
        folder = tmp_path / f"made-{number}"
        folder.mkdir()
        (folder / "text_encoder.onnx").write_bytes(letter * artifacts.SHARED_BYTES)
        (folder / "items.json").write_text(f'["{number}"]')
        stored = artifacts.store_artifact(folder, model_name=MODEL, number=number, kind="k")
        return ModelVersion.objects.create(
            model_name=MODEL, number=number, artifact_path=stored.path, artifact_digest=stored.digest
        )

    return store


def shared_files(registry_folder):
    return list((registry_folder / "artifacts" / "shared").glob("*"))


def test_a_large_file_is_stored_and_kept_locally_once_for_all_versions(store, registry_folder):
    first, second, other = store(1, b"a"), store(2, b"a"), store(3, b"b")
    assert len(shared_files(registry_folder)) == 2
    graphs = [artifacts.open_artifact(version) / "text_encoder.onnx" for version in (first, second, other)]
    assert [graph.read_bytes()[:1] for graph in graphs] == [b"a", b"a", b"b"]
    assert graphs[0].samefile(graphs[1])
    for version in (first, second, other):
        artifacts.check_artifact(version)


def test_a_shared_file_goes_with_its_last_version_and_not_before(store, registry_folder):
    import os

    first, second = store(1, b"a"), store(2, b"a")
    (kept,) = shared_files(registry_folder)
    two_days_ago = (timezone.now() - timedelta(days=2)).timestamp()
    os.utime(kept, (two_days_ago, two_days_ago))
    artifacts.remove_artifact(first.artifact_path)
    assert retention.delete_old_artifacts()["shared_files"] == 0
    artifacts.check_artifact(second)
    artifacts.remove_artifact(second.artifact_path)
    ModelVersion.objects.all().delete()
    assert retention.delete_old_artifacts()["shared_files"] == 1
    assert shared_files(registry_folder) == []


def test_a_young_shared_file_stays_for_a_training_that_may_be_about_to_name_it(store, registry_folder):
    artifacts.remove_artifact(store(1, b"a").artifact_path)
    assert retention.delete_old_artifacts()["shared_files"] == 0
    assert len(shared_files(registry_folder)) == 1


def test_nothing_shared_is_removed_while_a_manifest_cannot_be_read(store, registry_folder):
    import os

    version = store(1, b"a")
    (kept,) = shared_files(registry_folder)
    os.utime(kept, (0, 0))
    (stored_folder(registry_folder, version) / "manifest.json").write_text("{")
    assert retention.delete_old_artifacts()["shared_files"] == 0
    assert kept.exists()


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_damaged_shared_file_is_found_and_not_taken_by_the_next_version(store, registry_folder, damage):
    version = store(1, b"a")
    (kept,) = shared_files(registry_folder)
    if damage == "changed":
        kept.write_bytes(b"b" * artifacts.SHARED_BYTES)
    else:
        kept.unlink()
    for verify in (artifacts.open_artifact, artifacts.check_artifact):
        with pytest.raises(CorruptArtifactError, match=rf"text_encoder\.onnx (is|was) {damage}"):
            verify(version)
    later = store(2, b"a")
    assert (artifacts.open_artifact(later) / "text_encoder.onnx").read_bytes()[:1] == b"a"
    artifacts.check_artifact(later)


def test_a_damaged_local_copy_of_a_shared_file_is_fetched_again(store):
    version = store(1, b"a")
    graph = artifacts.open_artifact(version) / "text_encoder.onnx"
    graph.write_bytes(b"garbage")
    assert (artifacts.open_artifact(version) / "text_encoder.onnx").read_bytes()[:1] == b"a"


def test_where_storing_fails_no_shared_file_stays_behind(tmp_path, registry_folder, monkeypatch):
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"a" * artifacts.SHARED_BYTES)
    monkeypatch.setattr(artifacts, "MANIFEST", "../outside.json")
    with pytest.raises(Exception, match="outside"):
        artifacts.store_artifact(folder, model_name="m", number=1, kind="k")
    assert shared_files(registry_folder) == []
