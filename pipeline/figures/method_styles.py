"""How a method looks: the same colour and name in every figure.

The colours, most of them Tol's and Okabe and Ito's, stay apart for colour-blind
readers; a test measures it.
"""

import dataclasses
import zlib

_METHODS = {  # name -> (label, colour)
    "base": ("Base", "#8a8f98"),
    "information_dropout": ("Information Dropout", "#3aa0d8"),
    "drop_block": ("DropBlock", "#009e73"),
    "monte_carlo_dropout": ("Monte Carlo dropout", "#332288"),
    "manifold_mixup": ("Manifold Mixup", "#aa4499"),
    "mixup": ("mixup", "#882255"),
    "adversarial_training": ("Adversarial training", "#000000"),
    "deep_ensemble": ("Deep ensemble", "#88ccee"),
    "meta_perturb": ("MetaPerturb", "#c2410c"),
    "fresh_phi": ("Fresh φ", "#ddcc77"),
    "channel_noise": ("Channel noise", "#2233dd"),
    "mean_preserving_noise": ("Mean-preserving noise", "#661100"),
    # Few-shot methods, in figures of their own.
    "maml": ("MAML", "#8a8f98"),
    "meta_sgd": ("Meta-SGD", "#3aa0d8"),
    "meta_dropout": ("Meta Dropout", "#c2410c"),
    "adversarial": ("MAML, adversarial", "#000000"),
}
_OTHER_COLOR = "#999933"
_VARIANTS = {  # what follows the colon -> (label, colour or None, dashes)
    "tiny_imagenet_resnet20": ("Tiny ImageNet φ", None, "solid"),
    "authors": ("authors' φ", "#e69f00", "solid"),
    "glyphs_conv4": ("glyph φ", None, "dotted"),
    "glyphs_conv4_channels": ("glyph φ, channels", "#117733", "solid"),
    "linf": ("ℓ∞", None, "solid"),
    "l2": ("ℓ₂", None, "dashdot"),
    "l1": ("ℓ₁", None, "dotted"),
    "one_sample": ("1 noise sample", None, "dotted"),  # of an attack
    "meta_sgd": ("Meta-SGD", "#332288", "solid"),
    "0.01": ("ε = 0.01", None, "dotted"),
    "0.1": ("ε = 0.1", None, "dashdot"),
    "0.3": ("ε = 0.3", None, "solid"),
    "0.001": ("rate 1e-3", None, "solid"),  # of the outer loop
    "0.0003": ("rate 3e-4", None, "dashed"),
}
_OTHER_DASHES = ((0, (1, 2)), (0, (6, 1)), (0, (3, 1, 1, 1)), (0, (8, 3)))
_FINE_TUNING = "fine_tuning"


@dataclasses.dataclass(frozen=True)
class MethodStyle:
    """Label, colour and line style of a method, as matplotlib takes them."""

    label: str
    color: str
    dashes: str | tuple

    def line(self):
        """Returns the keyword arguments of a line."""
        return {"color": self.color, "linestyle": self.dashes}


def style_of(name):
    """Returns the `MethodStyle` of a method.

    Args:
        name: Str, METHOD[:VARIANT], as "base" or "meta_perturb:authors", the
            variant being φ, a norm or anything else; or two methods with a
            "+" between them, in the colour of the first; or the same after
            "fine_tuning+" ("fine_tuning" alone is that of "base"). A name
            that is not known here has a look of its own that stays the same.

    Raises: ValueError, if the name is empty.
    """
    if not name or not isinstance(name, str):
        raise ValueError(
            "A method's name must be text, METHOD[:VARIANT]. "
            f"Received: {name!r}"
        )
    tuned = name == _FINE_TUNING or name.startswith(f"{_FINE_TUNING}+")
    rest = name[len(_FINE_TUNING) + 1 :] or "base" if tuned else name
    method, _, variant = rest.partition(":")
    names = method.split("+")
    known = [_METHODS.get(name, (name, _OTHER_COLOR)) for name in names]
    label, color = " + ".join(label for label, _ in known), known[0][1]
    dashes = "solid" if method in _METHODS else _pick_dashes(method)
    if variant:
        text, other, dashes = _VARIANTS.get(
            variant, (variant, None, _pick_dashes(variant))
        )
        label, color = f"{label} ({text})", other or color
    if tuned:
        label = "Fine-tuning" if rest == "base" else f"FT + {label}"
        dashes = "dashed"
    return MethodStyle(label, color, dashes)


def _pick_dashes(name):
    return _OTHER_DASHES[zlib.crc32(name.encode()) % len(_OTHER_DASHES)]
