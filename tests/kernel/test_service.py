"""Declaring a service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from cumulet.base.errors import AwsError
from cumulet.kernel.registry import Registry
from cumulet.kernel.service import Kind, Service, consumer, job, operation


def test_operations_are_found_by_aws_name_whatever_the_acronyms(make_module: Callable[..., ModuleType]) -> None:
    @operation
    def create_db_instance(ctx: Any, req: Any) -> dict[str, Any]:
        return {}

    service = Service("rds", make_module(create_db_instance=create_db_instance))
    found = service.handler("CreateDBInstance")
    assert found is not None
    assert found.run is create_db_instance


def test_the_kind_of_a_function_says_how_it_runs(make_module: Callable[..., ModuleType]) -> None:
    @operation
    def plain(ctx: Any, req: Any) -> dict[str, Any]:
        return {}

    @operation(data=True)
    async def streams(ctx: Any, req: Any) -> dict[str, Any]:
        return {}

    @operation(anonymous=True)
    def long_read(ctx: Any, req: Any) -> Iterator[None]:
        yield

    service = Service("demo", make_module(plain=plain, streams=streams, long_read=long_read))
    kinds = {name: service.operations[name].kind for name in service.operations}
    assert kinds == {"plain": Kind.SYNC, "streams": Kind.ASYNC, "longread": Kind.LONG_READ}
    assert service.operations["streams"].data
    assert not service.operations["plain"].data
    assert service.operations["longread"].anonymous


def test_consumers_and_jobs_are_found_by_their_names(make_module: Callable[..., ModuleType]) -> None:
    @consumer("notify")
    def on_notify(ctx: Any, detail: Any) -> None: ...

    @job("retention")
    def run_retention(ctx: Any, detail: Any) -> None: ...

    service = Service("demo", make_module(on_notify=on_notify, run_retention=run_retention))
    assert service.consumers == {"notify": on_notify}
    assert service.jobs == {"retention": run_retention}


def test_functions_that_a_module_only_imports_are_not_registered(make_module: Callable[..., ModuleType]) -> None:
    @operation
    def elsewhere(ctx: Any, req: Any) -> dict[str, Any]:
        return {}

    made = make_module()
    made.__dict__["elsewhere"] = elsewhere
    assert Service("demo", made).handler("Elsewhere") is None


def test_a_service_is_loaded_once_at_its_first_use() -> None:
    loads: list[str] = []

    def load(name: str) -> Service:
        loads.append(name)
        return Service(name)

    registry = Registry(["sqs"], load)
    assert loads == []
    assert registry.service("sqs") is registry.service("sqs")
    assert loads == ["sqs"]
    assert registry.service("nothing") is None


@pytest.mark.parametrize("service", ["s3", "sqs"])
def test_what_is_missing_answers_501(service: str) -> None:
    registry = Registry(["s3", "sqs"], Service)
    with pytest.raises(AwsError) as caught:
        registry.handler(service, "DoWhatIsNotThere")
    assert caught.value.status == 501
    assert caught.value.code == "NotImplemented"
    assert "DoWhatIsNotThere" in caught.value.message
