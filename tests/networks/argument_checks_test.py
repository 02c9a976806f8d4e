"""The checks of classes and image sizes."""

import pytest

from mp_keras.networks import argument_checks


class CheckClassesTest:
    def test_fewer_than_two(self):
        argument_checks.check_classes(2)
        with pytest.raises(ValueError, match="at least 2.*classes=1"):
            argument_checks.check_classes(1)


class CheckPoolingsTest:
    @pytest.mark.parametrize(("poolings", "least"), [(4, 16), (5, 32)])
    def test_every_pooling_needs_two_pixels(self, poolings, least):
        argument_checks.check_poolings((least, least, 3), poolings)
        for shape in ((least, least - 1, 3), (None, least, 3)):
            with pytest.raises(ValueError, match=f"at least {least} pixels"):
                argument_checks.check_poolings(shape, poolings)
