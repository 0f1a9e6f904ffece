"""The SDK's sandbox, without the part of it that asks about payloads what nobody here wants to know.

For each payload that enters or leaves a workflow, SDK 1.35 runs code inside the sandbox, twice, to learn which
serialization and storage context belongs to it. A codec or an external storage could use that; we have neither, and it
took a quarter of the worker's time per claim (docs/decisions/0011). The workflow itself stays inside.
"""

from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import Info

_NO_STORAGE = StorageDriverStoreContext(target=None)


class Sandbox(SandboxedWorkflowRunner):
    """Runs workflows sandboxed.

    Only for a client whose data converter has no codec and no external storage: both would be asked without a context.
    """

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """A workflow in a sandbox of its own."""
        return _Instance(super().create_instance(det))


class _Instance(WorkflowInstance):
    def __init__(self, sandboxed: WorkflowInstance) -> None:
        self._sandboxed = sandboxed

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        return self._sandboxed.activate(act)

    def get_serialization_context(self, command_info: Any) -> None:
        return None

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:
        return _NO_STORAGE

    def get_info(self) -> Info:
        return self._sandboxed.get_info()

    def get_thread_id(self) -> int | None:
        return self._sandboxed.get_thread_id()
