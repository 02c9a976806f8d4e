"""Which cells an experiment has, and what decides them."""

import dataclasses

import pytest

from configs.experiments import base
from pipeline.experiments import cells
from tests.pipeline.experiments import tiny

ROWS = (base.row("Base", "base"), base.row("Drop it", "drop_block"))


class ExpandTest:
    def test_every_row_column_and_seed(self):
        config = tiny.make_config("npz:x", ROWS, seeds=(0, 3))
        titles = [cell.title for cell in cells.expand(config)]
        assert titles == [
            "Base, Squares, seed 0",
            "Base, Squares, seed 3",
            "Drop it, Squares, seed 0",
            "Drop it, Squares, seed 3",
        ]

    def test_a_column_has_its_own_seeds_and_rows(self):
        config = tiny.make_config("npz:x", ROWS)
        config.columns = (
            base.column("A", seeds=(7, 8), rows=("Drop it",)),
            base.column("B"),
        )
        found = [
            (c.column.name, c.row.name, c.seed) for c in cells.expand(config)
        ]
        assert found == [
            ("A", "Drop it", 7),
            ("A", "Drop it", 8),
            ("B", "Base", 0),
            ("B", "Drop it", 0),
        ]

    def test_row_wins_over_tuned_values_over_column(self):
        row = base.row("Drop", "drop_block", samples=7)
        config = tiny.make_config("npz:x", [row])
        column = base.column("A", samples=5, l2=0.5, drop_block__rate=0.1)
        tuned = {
            "drop_block": {"drop_block.rate": 0.3, "samples": 6},
            "mixup": {"mixup.alpha": 0.9},
        }
        config.columns = (dataclasses.replace(column, tuned=tuned),)
        (cell,) = cells.expand(config)
        assert cell.config.drop_block.rate == 0.3
        assert (cell.config.samples, cell.config.l2) == (7, 0.5)
        assert cell.config.mixup.alpha == config.target.mixup.alpha
        config.rows = (base.row("Both", "drop_block+mixup"),)
        (cell,) = cells.expand(config)
        assert cell.config.drop_block.rate == 0.3
        assert (cell.config.mixup.alpha, cell.config.samples) == (0.9, 6)

    def test_rows_of_a_figure_look_different(self):
        rows = [ROWS[0], base.row("Other", "base")]
        cells.expand(tiny.make_config("npz:x", rows))
        config = tiny.make_config("npz:x", rows, measure_names=("reliability",))
        with pytest.raises(ValueError, match="`style` each.*'base', 'base'"):
            cells.expand(config)

    def test_rows_without_their_phi_are_left_out(self):
        rows = [*ROWS, base.row("Mine", "meta_perturb", phi="mine")]
        config = tiny.make_config("npz:x", rows)
        config.phi_paths.mine = ""
        assert len(cells.expand(config)) == 2
        config.phi_paths.mine = "a/path"
        assert len(cells.expand(config)) == 3

    def test_unknown_key_names_the_row(self):
        config = tiny.make_config("npz:x", [base.row("Odd", "base", speed=1)])
        with pytest.raises(ValueError, match="Row 'Odd'.*speed"):
            cells.expand(config)


class ChosenTest:
    def test_rows_columns_and_seeds(self):
        config = tiny.make_config("npz:x", ROWS, seeds=(0, 1, 2))
        everything = cells.expand(config)
        assert cells.chosen(everything, config) == everything
        config.update(only_rows=("Base",), only_seeds=(2,))
        (left,) = cells.chosen(everything, config)
        assert left.title == "Base, Squares, seed 2"

    @pytest.mark.parametrize(
        ("key", "wrong"),
        [("only_rows", "Bass"), ("only_columns", "Sq"), ("only_seeds", 9)],
    )
    def test_unknown_name_lists_the_valid_ones(self, key, wrong):
        config = tiny.make_config("npz:x", ROWS, **{key: (wrong,)})
        with pytest.raises(ValueError, match=rf"{key}.*\[.*\].*{wrong}"):
            cells.chosen(cells.expand(config), config)

    def test_nothing_left_raises(self):
        config = tiny.make_config("npz:x", ROWS)
        config.columns = (
            base.column("A", rows=("Base",)),
            base.column("B", rows=("Drop it",)),
        )
        config.update(only_rows=("Base",), only_columns=("B",))
        with pytest.raises(ValueError, match="leave a cell"):
            cells.chosen(cells.expand(config), config)


class FolderTest:
    def test_is_readable_and_depends_on_config_and_prerequisites(self):
        config = tiny.make_config("npz:x", ROWS[:1])
        (cell,) = cells.expand(config)
        config.target.steps = 3
        (other,) = cells.expand(config)
        folders = [
            cell.folder("w", []),
            cell.folder("w", ["phi"]),
            other.folder("w", []),
        ]
        assert len(set(folders)) == 3
        for folder in folders:
            assert folder.parent.as_posix() == "w/cells"
            assert folder.name.startswith("base-squares-seed0-")
        assert cell.folder("w", []) == folders[0]

    def test_place_of_the_data_does_not_matter(self):
        folders = set()
        for place in ("", "/data", "/data/"):
            config = tiny.make_config("npz:x", ROWS[:1], manual_dir=place)
            (cell,) = cells.expand(config)
            assert cell.config.data.manual_dir == place
            folders.add(cell.folder("w", []))
        assert len(folders) == 1

    def test_name_of_the_experiment_does_not_matter(self):
        first = tiny.make_config("npz:x", ROWS[:1])
        second = tiny.make_config("npz:x", ROWS[:1], name="b", title="B")
        (one,), (two,) = cells.expand(first), cells.expand(second)
        assert one.folder("w", []) == two.folder("w", [])
