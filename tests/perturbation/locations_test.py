"""Which positions a location keeps."""

import pytest

from mp_keras.perturbation import locations


class KeptTest:
    @pytest.mark.parametrize(
        ("levels", "location", "expected"),
        [
            ((3, 3, 3), "all", range(9)),
            ((3, 3, 3), "before_pooling", [2, 5, 8]),
            ((3, 3, 3), "top", [6, 7, 8]),
            ((3, 3, 3), "bottom", [0, 1, 2]),
            ((1, 1, 2, 2, 2), "before_pooling", [0, 1, 3, 5, 7]),
            ((1, 1, 2, 2, 2), "top", [6, 7]),
            ((1, 1, 2, 2, 2), "bottom", [0]),
            ((1, 1, 1, 1), "before_pooling", range(4)),
            ((5,), "top", range(5)),
        ],
    )
    def test_numbers_by_hand(self, levels, location, expected):
        assert locations.kept(levels, location) == set(expected)

    @pytest.mark.parametrize("location", ["upper", "Top", None, 3, ["top"]])
    def test_unknown_location_lists_the_valid_ones(self, location):
        with pytest.raises(ValueError, match="all.*before_pooling.*bottom"):
            locations.kept((3, 3), location)
