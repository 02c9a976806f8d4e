"""Rows compared image by image, against numbers known beforehand."""

import numpy as np
import pytest

from configs.experiments import base
from configs.experiments import few_images
from configs.experiments import few_images_quick
from configs.experiments import letters
from configs.experiments import small_tasks
from pipeline.experiments import cells
from pipeline.experiments import contrasts
from pipeline.experiments import runner
from tests.pipeline.experiments import tiny

LABELS = np.arange(400) % 2


def write(folder, probability):
    """Predictions that give the true class a probability, one or by image."""
    folder.mkdir(parents=True)
    true = np.broadcast_to(probability, LABELS.shape)
    table = np.stack([true, 1 - true], axis=1)
    table[LABELS == 1] = table[LABELS == 1][:, ::-1]
    np.savez(
        folder / "predictions.npz",
        test_labels=LABELS,
        monte_carlo_test=np.log(table).astype("float16"),
    )
    return folder / "predictions.npz"


class MeasureTest:
    def test_equal_gain_of_every_image_has_no_width(self, tmp_path):
        pair = [
            write(tmp_path / name, probability)
            for name, probability in (("a", 0.8), ("b", 0.4))
        ]
        found = contrasts.measure([pair])
        expected = [pytest.approx(np.log(2), abs=1e-3)] * 3
        assert list(found["negative_log_likelihood"]) == expected
        assert found["accuracy"] == (100.0, 100.0, 100.0)

    def test_width_is_that_of_images_and_of_seeds(self, tmp_path):
        base_path = write(tmp_path / "base", 0.4)
        half = np.where(np.arange(400) < 200, 0.8, 0.4)
        mixed = write(tmp_path / "mixed", half)
        gain, low, high = contrasts.measure([[mixed, base_path]])["accuracy"]
        assert gain == 50.0
        width = 2 * 1.96 * 100 * 0.5 / np.sqrt(400)
        assert high - low == pytest.approx(width, rel=0.15)
        good = write(tmp_path / "good", 0.8)
        seeds = [[good, base_path], [base_path, base_path]]
        gain, low, high = contrasts.measure(seeds)["accuracy"]
        assert (gain, low, high) == (50.0, 0.0, 100.0)

    def test_other_images_are_refused(self, tmp_path, monkeypatch):
        one = write(tmp_path / "one", 0.8)
        monkeypatch.setattr(f"{__name__}.LABELS", LABELS[::-1])
        other = write(tmp_path / "other", 0.8)
        with pytest.raises(ValueError, match="same test images"):
            contrasts.measure([[one, other]])


class SectionsTest:
    def test_seeds_that_both_rows_have(self, tmp_path):
        rows = [base.row("Base", "base"), base.row("Mixed", "mixup")]
        config = tiny.make_config("npz:x", rows, seeds=(0, 1))
        config.contrasts = (("Mixed", "Base"),)
        finished = []
        for cell in cells.expand(config):
            if (cell.row.name, cell.seed) == ("Mixed", 1):
                continue
            folder = tmp_path / f"{cell.row.name}{cell.seed}"
            write(folder, 0.8 if cell.row.name == "Mixed" else 0.4)
            finished.append(runner.Finished(cell, folder, {}))
        *_, table = contrasts.sections(config, finished)
        *_, line = table.splitlines()
        assert "| Mixed − Base | 1 | +0.693 (" in line
        assert "| +100.0 (+100.0 to +100.0) |" in line
        assert contrasts.sections(config, finished[:1]) == []

    def test_several_columns_and_all_of_them(self, tmp_path):
        rows = [base.row("Base", "base"), base.row("Mixed", "mixup")]
        config = tiny.make_config("npz:x", rows)
        config.columns = (base.column("one"), base.column("two"))
        config.contrasts = (("Mixed", "Base"),)
        better = {("Mixed", "one"): 0.8}
        finished = []
        for cell in cells.expand(config):
            key = cell.row.name, cell.column.name
            folder = tmp_path / "".join(key)
            write(folder, better.get(key, 0.4))
            finished.append(runner.Finished(cell, folder, {}))
        *_, table = contrasts.sections(config, finished)
        one, two, both = table.splitlines()[2:]
        assert one.startswith("| one | Mixed − Base | 1 | +0.693 (")
        assert two.startswith("| two | Mixed − Base | 1 | +0.000 (")
        assert both.startswith("| all columns | Mixed − Base | 2 | +0.347 (")
        assert both.endswith("| +50.0 (+0.0 to +100.0) |")

    @pytest.mark.parametrize(
        "experiment", [few_images, few_images_quick, letters, small_tasks]
    )
    def test_names_of_rows(self, experiment):
        """Also of rows that are left out, for want of a φ from a path."""
        config = experiment.get_config()
        contrasts.check(config)
        config.contrasts = (("Base", "Bass"),)
        with pytest.raises(ValueError, match="`contrasts`.*'Bass'"):
            contrasts.check(config)
