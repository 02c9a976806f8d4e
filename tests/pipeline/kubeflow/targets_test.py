"""A pipeline's targets: what they change, and labels that cannot be."""

import pytest

from configs.pipeline import demo
from configs.pipeline import sweep
from pipeline.kubeflow import targets


@pytest.fixture
def config():
    return demo.get_config("smoke")


class ExpandTest:
    def test_changes_of_each_target(self, config):
        config.targets = (
            {"label": "a"},
            {"label": "b", "network": "conv6", "data.source": "npz:b.npz"},
        )
        expanded = targets.expand(config)
        assert list(expanded) == ["a", "b"]
        assert expanded["a"].to_dict() == config.target.to_dict()
        assert expanded["b"].network == "conv6"
        assert expanded["b"].data.source == "npz:b.npz"
        assert config.target.network == "conv4"

    @pytest.mark.parametrize(
        "label",
        [None, "", "A", "a/b", "../a", "a b", 3, "=a"]
        + ["a.html", "report", "results.csv", "serving"],
        ids=repr,
    )
    def test_label_unfit_for_a_file(self, config, label):
        config.targets = ({"label": label},)
        with pytest.raises(ValueError, match="`targets` must give every"):
            targets.expand(config)

    def test_label_twice(self, config):
        config.targets = ({"label": "a"}, {"label": "a", "seed": 1})
        with pytest.raises(ValueError, match="'a' twice"):
            targets.expand(config)

    @pytest.mark.parametrize(
        "changes", [{"netwrk": "conv6"}, {"data.sorce": "x"}, {"steps": "x"}]
    )
    def test_key_or_type_that_is_not_there(self, config, changes):
        config.targets = ({"label": "a", **changes},)
        with pytest.raises(ValueError, match="Target 'a' .* must change keys"):
            targets.expand(config)

    def test_none(self, config):
        config.targets = ()
        with pytest.raises(ValueError, match="must have a target"):
            targets.expand(config)


class SweepTest:
    def test_every_set_with_every_network(self):
        expanded = targets.expand(sweep.get_config())
        assert len(expanded) == 8
        pairs = {(t.data.source, t.network) for t in expanded.values()}
        assert len(pairs) == 8
        assert expanded["cars-conv4"].data.source == "subset:cars"

    def test_one_folder_for_all_data(self):
        config = sweep.get_config()
        config.manual_dir = "gs://bucket/data"
        for target in targets.expand(config).values():
            assert target.data.manual_dir == "gs://bucket/data"
        assert config.source.data.manual_dir == "gs://bucket/data"

    def test_smoke_has_several_targets(self):
        assert len(targets.expand(sweep.get_config("smoke"))) == 2
