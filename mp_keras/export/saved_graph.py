"""Looks at the graph of a classifier's SavedModel before it is loaded.

A SavedModel is a program, and TensorFlow has operations that read and write
files, open connections and call Python. A classifier needs none of them:

    for each function of the graph, and each operation in it:
        one with a side effect has to be known here
        one that is about files, Python or data sets is refused
    saving and restoring, which every SavedModel can do, may do it, and may not
    be called by another function

The trap: only what is listed is let through, for new versions of TensorFlow
bring new operations. Endless loops and large tensors are not found.
"""

import pathlib
import re

from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from mp_keras import files
from mp_keras import given_files

# The names of the functions that TensorFlow traces for a checkpoint.
_SAVER = re.compile(r"__inference__traced_(save|restore)_\d+")
_SAVER_OPERATIONS = {
    "MergeV2Checkpoints",
    "RestoreV2",
    "SaveV2",
    "ShardedFilename",
}
# Of what is not said to have side effects.
_OUTSIDE = re.compile(
    "Checkpoint|Dataset|Debug|File|LoadAndRemap|PyFunc|Reader|Restore|Save|"
    "Summary|Vocab"
)
# With side effects on the model's own variables and random streams, or none.
_KNOWN_STATEFUL = {
    "Assert",
    "AssignAddVariableOp",
    "AssignSubVariableOp",
    "AssignVariableOp",
    "Case",
    "DestroyResourceOp",
    "DisableCopyOnRead",
    "If",
    "Multinomial",
    "RandomGamma",
    "RandomStandardNormal",
    "RandomUniform",
    "RandomUniformInt",
    "ReadVariableOp",
    "ResourceGather",
    "RngReadAndSkip",
    "RngSkip",
    "StatefulPartitionedCall",
    "StatefulStandardNormalV2",
    "StatefulUniform",
    "StatefulUniformFullInt",
    "StatefulUniformInt",
    "TruncatedNormal",
    "VarHandleOp",
    "VarIsInitializedOp",
    "VariableShape",
    "While",
}


def check_graph(folder):
    """Refuses a SavedModel that does what no classifier needs.

    Args:
        folder: Path-like of a SavedModel. Nothing of it is run.

    Raises: ValueError, naming the folder and the operation; OSError, if its
        graph cannot be read.
    """
    folder = pathlib.Path(folder)
    content = given_files.read(
        folder / files.SAVED_MODEL, given_files.GRAPH_BYTES
    )
    given_files.check_folder(folder)
    try:
        saved = saved_model_pb2.SavedModel.FromString(content)
    except Exception as error:
        raise _refusal(folder, f"a damaged {files.SAVED_MODEL}") from error
    # Without objects, TensorFlow loads and runs it in the way of version 1.
    if len(saved.meta_graphs) != 1 or not (
        saved.meta_graphs[0].object_graph_def.nodes
    ):
        raise _refusal(folder, "none of TensorFlow 2")
    library = saved.meta_graphs[0].graph_def.library
    names = {function.signature.name for function in library.function}
    for function in library.function:
        own_name = function.signature.name
        for node in function.node_def:
            _check_operation(folder, node, own_name, names)


def _check_operation(folder, node, own_name, names):
    is_saver = _SAVER.fullmatch(own_name)
    called = {node.op} & names | {
        function.name
        for value in node.attr.values()
        for function in (value.func, *value.list.func)
    }
    if any(_SAVER.fullmatch(name) for name in called):
        raise _refusal(folder, f"{own_name}, which calls {sorted(called)}")
    if node.op in names or is_saver and node.op in _SAVER_OPERATIONS:
        return
    definition = op_def_registry.get(node.op)
    if (
        definition is None
        or _OUTSIDE.search(node.op)
        or (definition.is_stateful and node.op not in _KNOWN_STATEFUL)
    ):
        raise _refusal(
            folder, f"{own_name} with the operation {node.op[:80]!r}"
        )


def _refusal(folder, received):
    return ValueError(
        f"Folder {folder} must be the SavedModel of a classifier, and do "
        f"nothing but compute. Received: {received}"
    )
