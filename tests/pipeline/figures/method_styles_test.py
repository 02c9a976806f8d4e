"""A method looks the same wherever it is drawn, and unlike the others."""

import itertools

import numpy as np
import pytest
from matplotlib import colors

from pipeline.figures import method_styles

METHODS = (
    "base",
    "information_dropout",
    "drop_block",
    "monte_carlo_dropout",
    "manifold_mixup",
    "mixup",
    "adversarial_training",
    "deep_ensemble",
    "meta_perturb",
    "meta_perturb:authors",
    "fresh_phi",
    "channel_noise",
    "mean_preserving_noise",
)
# Linear RGB as seen without one kind of cones (Machado et al., IEEE TVCG
# 2009, severity 1): protanopia, deuteranopia.
CONES = (
    [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
)


def seen(color, cones):
    """The colour as CIE L*a*b*, for eyes without one kind of cones."""
    light = np.array(colors.to_rgb(color))
    light = np.where(
        light > 0.04045, ((light + 0.055) / 1.055) ** 2.4, light / 12.92
    )
    light = np.clip(np.array(cones) @ light, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722]]
    to_xyz.append([0.0193, 0.1192, 0.9505])
    x, y, z = np.cbrt(np.array(to_xyz) @ light / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


class StyleOfTest:
    @pytest.mark.parametrize("cones", [np.eye(3), *CONES])
    def test_methods_stay_apart_for_colour_blind_eyes(self, cones):
        looks = {
            name: seen(method_styles.style_of(name).color, cones)
            for name in METHODS
        }
        distances = {
            pair: np.linalg.norm(looks[pair[0]] - looks[pair[1]])
            for pair in itertools.combinations(METHODS, 2)
        }
        closest = min(distances, key=distances.get)
        assert distances[closest] > 15, closest

    @pytest.mark.parametrize(
        ("name", "label", "like", "dashes"),
        [
            ("meta_perturb:glyphs_conv4", "MetaPerturb (glyph φ)", 0, "dotted"),
            ("fine_tuning+meta_perturb", "FT + MetaPerturb", 0, "dashed"),
            ("fine_tuning", "Fine-tuning", 1, "dashed"),
            ("fine_tuning+base", "Fine-tuning", 1, "dashed"),
            (
                "adversarial_training:l2",
                "Adversarial training (ℓ₂)",
                2,
                "dashdot",
            ),
        ],
    )
    def test_variant_keeps_the_colour_of_its_method(
        self, name, label, like, dashes
    ):
        method = ("meta_perturb", "base", "adversarial_training")[like]
        style = method_styles.style_of(name)
        assert style.label == label
        assert style.color == method_styles.style_of(method).color
        assert style.line() == {"color": style.color, "linestyle": dashes}

    def test_joined_methods_have_the_colour_of_the_first(self):
        style = method_styles.style_of("meta_perturb+manifold_mixup")
        alone = method_styles.style_of("meta_perturb")
        assert style.label == "MetaPerturb + Manifold Mixup"
        assert style.color == alone.color and style.dashes != alone.dashes

    def test_published_phi_has_a_colour_of_its_own(self):
        ours = method_styles.style_of("meta_perturb")
        theirs = method_styles.style_of("meta_perturb:authors")
        assert theirs.label == "MetaPerturb (authors' φ)"
        assert theirs.color != ours.color

    def test_unknown_method_has_one_look(self):
        style = method_styles.style_of("new_idea")
        assert style == method_styles.style_of("new_idea")
        assert style.label == "new_idea"
        known = {method_styles.style_of(name).color for name in METHODS}
        assert style.color not in known

    @pytest.mark.parametrize("name", ["", None, 3])
    def test_name_must_be_text(self, name):
        with pytest.raises(ValueError, match="METHOD.*Received: "):
            method_styles.style_of(name)
