"""What the stages hand to each other, made once by the stages themselves."""

import pytest

from pipeline.stages import evaluator
from pipeline.stages import example_gen
from pipeline.stages import meta_trainer
from pipeline.stages import phi_exporter
from pipeline.stages import target_trainer
from tests import eager
from tests.pipeline import smoke


@pytest.fixture(scope="session")
def name():
    """The data's name, as a user gave it; stages read ExampleGen's copy."""
    return "npz:<i>squares</i> & more"


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """The folder of everything that the stages leave here."""
    return tmp_path_factory.mktemp("stages")


@pytest.fixture(scope="session")
def examples(source, root):
    example_gen.generate_examples(source, 16, root / "examples")
    return root / "examples"


@pytest.fixture(scope="session")
def meta_run(examples, name, root):
    config = smoke.meta_config(name)
    with eager.eager_steps():
        meta_trainer.train(examples, config, root / "runs", "f", root / "meta")
    return root / "meta"


@pytest.fixture(scope="session")
def phi(meta_run, root):
    phi_exporter.export(meta_run, root / "phi")
    return root / "phi"


@pytest.fixture(scope="session")
def make_target_config(name):
    """Half of the 48 training images are for validation."""
    return lambda: smoke.target_config(name, data__validation_fraction=0.5)


@pytest.fixture(scope="session")
def classifiers(examples, phi, make_target_config, root):
    """Folders by method."""
    folders = {}
    for method in ("base", "meta_perturb"):
        folders[method] = root / method
        with eager.eager_steps():
            target_trainer.train(
                examples,
                phi,
                method,
                5,
                make_target_config(),
                root / "runs",
                "f",
                folders[method],
            )
    return folders


@pytest.fixture(scope="session")
def evaluated(classifiers, examples, meta_run, make_target_config, root):
    """The folder of the target "squares"."""
    evaluator.evaluate(
        classifiers.values(),
        examples,
        meta_run,
        make_target_config(),
        "squares",
        root / "evaluated",
    )
    return root / "evaluated"
