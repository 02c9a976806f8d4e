r"""Puts a φ into the package, for `load_perturbation(NAME)`.

    python -m tools.ship_phi --phi=runs/glyphs/phi --name=glyphs_conv4

Writes the 82 numbers and the card as one JSON file into
`mp_keras/perturbation/pretrained/`, to be read in review and committed.
"""

from absl import flags

from tools import binary

_PHI = flags.DEFINE_string("phi", None, "SavedModel folder of φ.")
_NAME = flags.DEFINE_string("name", None, "Name, as SOURCE_NETWORK.")


def main():
    # Late, so that --help and a wrong flag answer at once.
    import mp_keras
    from mp_keras import files
    from mp_keras.perturbation import saved_model

    phi = mp_keras.load_perturbation(_PHI.value)
    # As doubles, which read back as the same float32.
    weights = {
        name: array.astype("float64").tolist()
        for name, array in phi.values().items()
    }
    path = saved_model.PRETRAINED / f"{_NAME.value}.json"
    path.parent.mkdir(exist_ok=True)
    card = mp_keras.load_card(_PHI.value)
    stored = {"card": card, "variant": phi.variant(), "weights": weights}
    files.write_json(path, stored)
    print(f"{_NAME.value} is in {path}")


if __name__ == "__main__":
    flags.mark_flags_as_required(["phi", "name"])
    binary.run(main)
