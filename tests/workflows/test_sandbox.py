from importlib.machinery import SourceFileLoader
from types import ModuleType

import pytest
from temporalio import workflow
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import WorkflowInstance
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from workflows import sandbox
from workflows.client import TYPED
from workflows.digest import DigestWorkflow
from workflows.lead import LeadWorkflow
from workflows.sandbox import Sandbox


def test_the_workflow_itself_runs_in_the_sdk_s_sandbox() -> None:
    assert issubclass(Sandbox, SandboxedWorkflowRunner)
    assert Sandbox().restrictions == SandboxedWorkflowRunner().restrictions


def test_nothing_of_ours_wants_the_context_that_the_sandbox_no_longer_gives() -> None:
    assert TYPED.data_converter is pydantic_data_converter
    assert pydantic_data_converter.payload_codec is None
    assert pydantic_data_converter.external_storage is None


def test_every_question_an_instance_may_be_asked_is_answered() -> None:
    asked = {name for name in vars(WorkflowInstance) if not name.startswith("_")}
    assert asked == {name for name in vars(sandbox._Instance) if not name.startswith("_")}  # a later SDK may ask more


@pytest.mark.parametrize("kind", [LeadWorkflow, DigestWorkflow])
async def test_each_workflow_loads_its_own_file_anew_and_nothing_else(monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
    loaded: list[str] = []
    load = SourceFileLoader.exec_module

    def record(self: SourceFileLoader, module: ModuleType) -> None:
        loaded.append(module.__name__)
        load(self, module)

    monkeypatch.setattr(SourceFileLoader, "exec_module", record)
    Sandbox().prepare_workflow(workflow._Definition.must_from_class(kind))
    sdk = "temporalio.worker.workflow_sandbox._in_sandbox"
    assert set(loaded) - {sdk} == {"workflows", kind.__module__}  # all else, the whole decision tree too, is passed through
