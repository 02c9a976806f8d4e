"""Data that many runs share are read once."""

from pipeline import datasets
from pipeline.trainings import target_data
from tests.pipeline import smoke


class KeptInMemoryTest:
    def test_same_data_are_read_once_and_only_within(self, source, monkeypatch):
        reads = []
        original = datasets.load_images

        def counted(*place, **options):
            reads.append(options["image_size"])
            return original(*place, **options)

        monkeypatch.setattr(datasets, "load_images", counted)
        config = smoke.target_config(source)
        larger = smoke.target_config(source, image_size=24)
        with target_data.kept_in_memory():
            first, _ = target_data.load_data(config)
            again, _ = target_data.load_data(config)
            other, _ = target_data.load_data(larger)
        target_data.load_data(larger)
        assert reads == [16, 24, 24]
        assert again.test_images is first.test_images
        assert other.test_images.shape[1] == 24

    def test_each_run_has_its_own_validation_part(self, source):
        plain = smoke.target_config(source)
        parted = smoke.target_config(source, data__validation_fraction=0.25)
        with target_data.kept_in_memory():
            first, none = target_data.load_data(plain)
            second, validation = target_data.load_data(parted)
        assert none is None
        assert len(first.train_labels) == 48
        assert len(second.train_labels) + len(validation[1]) == 48
