"""Every public function and class says the types of its arguments."""

import inspect

import pytest

import mp_keras
from mp_keras import baselines
from mp_keras import networks

_PUBLIC = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in (mp_keras, networks, baselines)
    for name in module.__all__
}


class PublicTypesTest:
    @pytest.mark.parametrize("name", _PUBLIC)
    def test_signature_is_complete(self, name):
        public = _PUBLIC[name]
        if not callable(public):
            return
        function = public
        if inspect.isclass(public):
            function = public.__init__
            if not function.__qualname__.startswith(public.__name__):
                return  # Keras' own
        signature = inspect.signature(function)
        missing = [
            parameter.name
            for parameter in signature.parameters.values()
            if parameter.annotation is parameter.empty
            and parameter.name != "self"
        ]
        assert missing == []
        assert signature.return_annotation is not signature.empty
