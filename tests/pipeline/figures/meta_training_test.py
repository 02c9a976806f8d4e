"""How φ was learned: lines of losses and accuracies."""

import pytest

from pipeline.figures import meta_training

LOSSES = {"task_loss": 1.0, "held_out_loss": 2.0}
ACCURACIES = {"task_accuracy": 0.25, "held_out_accuracy": 0.125}


class DrawTest:
    def test_lines_are_the_windows(self):
        windows = [
            {"step": 4, **LOSSES, **ACCURACIES},
            {"step": 8, **LOSSES, **ACCURACIES, "held_out_loss": 1.5},
        ]
        loss, accuracy = meta_training.draw(windows).axes
        task, held_out = loss.get_lines()
        assert task.get_xydata().tolist() == [[4, 1], [8, 1]]
        assert held_out.get_xydata().tolist() == [[4, 2], [8, 1.5]]
        assert "θ" in task.get_label() and "φ" in held_out.get_label()
        assert task.get_linestyle() != held_out.get_linestyle()
        task, held_out = accuracy.get_lines()
        assert task.get_ydata().tolist() == [25, 25]  # percent
        assert held_out.get_ydata().tolist() == [12.5, 12.5]

    def test_without_accuracy_there_is_one_panel(self):
        (panel,) = meta_training.draw([{"step": 4, **LOSSES}]).axes
        assert panel.get_ylabel() == "loss (nats)"

    def test_no_window_raises(self):
        with pytest.raises(ValueError, match="at least one window"):
            meta_training.draw([])
