"""What cells start from: meta-trained φ and source classifiers, made once."""

import pathlib

import keras

import mp_keras
from pipeline.experiments import cells
from pipeline.storage import locks
from pipeline.trainings import config_names
from pipeline.trainings import meta_training
from pipeline.trainings import methods
from pipeline.trainings import pretrained_weights
from pipeline.trainings import target_data
from pipeline.trainings import target_training


class Prerequisites:
    """Makes the φ's and source classifiers of an experiment on demand.

    Args:
        config: Config of `configs/experiments/`.
        workdir: Path-like of the experiment.
        data_dir: Where TFDS keeps prepared data sets, or None.
        read: Function that reads the data of a cell, as
            `datasets.load_images`.
    """

    def __init__(self, config, workdir, data_dir, read):
        self._config = config
        self._folder = pathlib.Path(workdir) / "prerequisites"
        self._data_dir = data_dir
        self._read = read
        self._failures = {}

    def identity(self, cell):
        """Returns what decides the prerequisites of a cell, JSON-compatible."""
        parts = []
        phi, classifier = self._phi_config(cell), self._classifier(cell)
        if isinstance(phi, str):  # its numbers count, not its place
            loaded = mp_keras.load_perturbation(phi)
            numbers = {
                name: array.tolist() for name, array in loaded.values().items()
            }
            parts.append([numbers, loaded.variant()])
        elif phi:
            parts.append(cells.without_places(phi))
        if classifier:
            parts.append(cells.without_places(classifier))
        if "pretrained" in cell.config:
            weights = pretrained_weights.digest_of(cell.config)
            parts += [] if weights is None else [weights]
        return parts

    def prepare(self, cell):
        """Returns the cell's config with its prerequisites, made if need be.

        Before a source is made, which takes long, the cell's data are read
        and its network is built: what is wrong with them is said at once.

        Raises: what was wrong with the cell; what the training of a source
            raised, at every call.
        """
        config = cell.config.copy_and_resolve_references()
        phi, classifier = self._phi_config(cell), self._classifier(cell)
        if isinstance(phi, str):
            config.phi = phi
        elif phi:
            run = self._made(phi, "phi", meta_training.meta_train, cell)
            config.phi = str(run / "phi")
        if classifier:
            run = self._made(
                classifier, "classifier", target_training.train_target, cell
            )
            config.fine_tuning.source = str(run)
        return config

    def _phi_config(self, cell):
        """Returns a meta-training config, a name or path, or None."""
        name = cell.row.phi
        if name not in self._config.phis:
            return self._config.phi_paths.get(name, name) or None
        config = self._config.phis[name].copy_and_resolve_references()
        config.data.manual_dir = self._config.manual_dir
        return config

    def _classifier(self, cell):
        """Returns the source classifier's config, or None."""
        if not cell.row.fine_tuned:
            return None
        config = self._config.source_classifier.copy_and_resolve_references()
        config.network = cell.config.network
        config.network_options = cell.config.network_options
        config.data.manual_dir = self._config.manual_dir
        return config

    def _made(self, config, role, train, cell):
        """Returns the folder of a finished source run."""
        digest = cells.content_digest(cells.without_places(config))
        folder = self._folder / f"{role}-{config.network}-{digest}"
        if folder in self._failures:
            raise self._failures[folder]
        if not (folder / "result.json").exists():
            _check(cell.config, self._data_dir, self._read)
        lock = self._folder.parent / "locks" / folder.name
        try:
            with locks.held(lock, wait=True):
                train(config, folder, self._data_dir)
        except Exception as error:
            self._failures[folder] = error
            raise
        return folder


def _check(config, data_dir, read):
    """Raises what a target training would raise before its first step."""
    config_names.check_method(config.method)
    data, _ = target_data.load_data(config, data_dir, read=read)
    methods.make_method(config, len(data.class_names))
    keras.backend.clear_session()
