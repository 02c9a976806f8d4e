"""Early stopping, told from histories made by hand."""

import tensorflow as tf

from pipeline.runs import early_stopping


class FakeFolder:
    def __init__(self, path):
        self.path = path
        self.windows = []

    def history(self):
        return self.windows


def make(tmp_path, patience=2, first_step=20):
    weight = tf.Variable(0.0)
    folder = FakeFolder(tmp_path)
    stopping = early_stopping.EarlyStopping(
        folder, {"model": [weight]}, patience, first_step
    )
    return stopping, folder, weight


def feed(stopping, folder, weight, losses):
    """One checkpoint every 10 steps; returns where it would stop, or None."""
    for index, loss in enumerate(losses, len(folder.windows)):
        step = 10 * (index + 1)
        folder.windows.append({"step": step, "validation_loss": loss})
        weight.assign(step)
        stopping.keep(step)
        if stopping.is_over():
            return step
    return None


class EarlyStoppingTest:
    def test_stops_after_patience_and_restores_the_best(self, tmp_path):
        stopping, folder, weight = make(tmp_path)
        losses = [9.0, 5.0, 4.0, 4.5, 3.0, 3.5, 3.1, 1.0]
        assert feed(stopping, folder, weight, losses) == 70
        assert stopping.restore() == 50
        assert float(weight) == 50

    def test_what_came_before_all_the_noise_does_not_count(self, tmp_path):
        stopping, folder, weight = make(tmp_path, first_step=30)
        assert feed(stopping, folder, weight, [0.1, 0.1, 4.0, 3.0]) is None
        assert stopping.restore() == 40
        assert feed(stopping, folder, weight, [5.0, 5.0]) == 60

    def test_killed_run_decides_as_one_that_was_not(self, tmp_path):
        stopping, folder, weight = make(tmp_path)
        feed(stopping, folder, weight, [9.0, 5.0, 6.0])
        again, _, other = make(tmp_path)
        again.folder = folder
        assert feed(again, folder, other, [7.0]) == 40
        assert again.restore() == 20
        assert float(other) == 20

    def test_nothing_is_restored_before_all_the_noise(self, tmp_path):
        stopping, folder, weight = make(tmp_path, first_step=1000)
        feed(stopping, folder, weight, [3.0, 4.0, 5.0])
        assert stopping.restore() is None
        assert float(weight) == 30
