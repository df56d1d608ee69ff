"""From a version's record to a worker's spec: pooling keys, credentials, failures before the function."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cumulet.base.errors import AwsError
from cumulet.run.functions import RuntimeUnavailable, WorkerFailed
from cumulet.services.lambda_ import packages, running
from cumulet.store import keys as packed


def keys(h: Any) -> list[str]:
    return [spec.key for spec, _, _ in h.workers.calls]


def test_the_spec_has_the_functions_settings(house: Any, run: Any) -> None:
    async def main() -> None:
        async with house() as h:
            await h.create(
                MemorySize=300, Timeout=9, EphemeralStorage={"Size": 700}, Environment={"Variables": {"AB": "c"}},
                LoggingConfig={"LogGroup": "/mine"},
            )  # fmt: skip
            await h.call("Invoke", FunctionName="f", Payload=b"[1]")
            ((spec, payload, _),) = h.workers.calls
            assert payload == b"[1]"
            assert (spec.name, spec.version, spec.account, spec.region) == ("f", "$LATEST", "111122223333", "us-east-1")
            assert (spec.memory_mb, spec.timeout, spec.tmp_mb, spec.concurrency) == (300, 9.0, 700, None)
            assert (spec.environment, spec.log_group, spec.handler) == ({"AB": "c"}, "/mine", "app.handler")
            assert (spec.code / "app.py").is_file()

    run(main())


def test_workers_are_kept_until_code_settings_or_credentials_are_new(house: Any, run: Any) -> None:
    async def main() -> None:
        async with house() as h:
            await h.create()
            await h.call("Invoke", FunctionName="f")
            await h.call("Invoke", FunctionName="f")
            await h.call(
                "AddPermission",
                FunctionName="f",
                StatementId="s",
                Action="lambda:InvokeFunction",
                Principal="s3.amazonaws.com",
            )
            await h.call("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=3)
            await h.call("Invoke", FunctionName="f")
            assert len(set(keys(h))) == 1
            assert h.workers.calls[-1][0].concurrency == 3
            await h.call("UpdateFunctionConfiguration", FunctionName="f", Timeout=5)
            await h.idle()
            await h.call("Invoke", FunctionName="f")
            assert len(set(keys(h))) == 2
            assert [keys(h)[0].startswith(prefix) for prefix in h.workers.discarded] == [True]
            h.clock.advance(running.SLOT)
            await h.call("Invoke", FunctionName="f")
            assert len(set(keys(h))) == 3
            await h.call("DeleteFunction", FunctionName="f")
            await h.idle()
            assert all(key.startswith(h.workers.discarded[-1]) for key in keys(h))

    run(main())


def test_credentials_outlive_every_invocation_of_their_slot() -> None:
    assert running.SLOT + 900 < 3600


def test_the_role_is_asked_again_for_every_worker(house: Any, run: Any) -> None:
    async def main() -> None:
        async with house() as h:
            await h.create()
            h.workers.ask_credentials = True
            await h.call("Invoke", FunctionName="f")
            (given,) = h.workers.credentials
            assert sorted(given) == ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]

    run(main())


def test_creating_leaves_no_credentials_behind(house: Any, run: Any) -> None:
    async def main() -> None:
        async with house() as h:
            await h.create()
            lo, hi = packed.bounds(packed.space("", "", "credentials"))
            assert h.kernel.machine.kv.begin().range(lo, hi, 10) == []

    run(main())


def test_code_is_rebuilt_from_its_blob(house: Any, run: Any) -> None:
    async def main() -> None:
        async with house() as h:
            await h.create()
            await h.call("Invoke", FunctionName="f")
            code = h.workers.calls[0][0].code
            shutil.rmtree(code)
            await h.call("UpdateFunctionConfiguration", FunctionName="f", Timeout=4)
            await h.idle()
            await h.call("Invoke", FunctionName="f")
            assert (code / "app.py").is_file()

    run(main())


def test_unused_code_goes_after_the_longest_invocation(house: Any, run: Any) -> None:
    async def main() -> None:
        async with house() as h:
            await h.create("f")
            await h.create("g")
            await h.call("Invoke", FunctionName="f")
            code = h.workers.calls[0][0].code
            await h.call("DeleteFunction", FunctionName="f")
            await h.idle()
            h.clock.advance(1300)
            h.kernel.jobs.poke()
            assert code.is_dir()
            await h.call("DeleteFunction", FunctionName="g")
            await h.idle()
            h.clock.advance(1300)
            h.kernel.jobs.poke()
            await h.until(lambda: not code.exists())

    run(main())


@pytest.mark.parametrize(
    ("problem", "code", "status"),
    [
        (RuntimeUnavailable("install python3.11"), "InvalidRuntimeException", 502),
        (WorkerFailed("no fork"), "ServiceException", 500),
    ],
)
def test_workers_that_cannot_start(house: Any, run: Any, problem: Exception, code: str, status: int) -> None:
    async def main() -> None:
        async with house() as h:
            await h.create()
            h.workers.script = [problem]
            with pytest.raises(AwsError) as caught:
                await h.call("Invoke", FunctionName="f")
            assert (caught.value.code, caught.value.status) == (code, status)
            assert str(problem) in caught.value.message

    run(main())


def test_code_that_cannot_be_made_ready_fails_the_function(
    house: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packages, "ensure", full)

    async def main() -> None:
        async with house() as h:
            await h.create()
            config = await h.call("GetFunctionConfiguration", FunctionName="f")
            assert (config["State"], config["StateReasonCode"], config["LastUpdateStatus"]) == (
                "Failed",
                "InternalError",
                "Failed",
            )
            assert "No space left" in config["StateReason"]
            with pytest.raises(AwsError, match="Failed") as caught:
                await h.call("Invoke", FunctionName="f")
            assert caught.value.code == "ResourceConflictException"
            monkeypatch.undo()
            await h.call("UpdateFunctionConfiguration", FunctionName="f", Timeout=4)
            await h.idle()
            assert (await h.call("GetFunctionConfiguration", FunctionName="f"))["State"] == "Active"

    run(main())


def test_while_a_change_is_under_way_there_is_no_other(house: Any, run: Any) -> None:
    async def main() -> None:
        async with house() as h:
            await h.create()
            h.kernel.outbox._open = False  # events wait
            await h.call("UpdateFunctionConfiguration", FunctionName="f", Timeout=4)
            with pytest.raises(
                AwsError,
                match="An update is in progress for resource: arn:aws:lambda:us-east-1:111122223333:function:f",
            ):
                await h.call("UpdateFunctionConfiguration", FunctionName="f", Timeout=5)
            h.kernel.outbox._open = True
            h.kernel.outbox._pump("lambda.activate")
            await h.idle()
            await h.call("UpdateFunctionConfiguration", FunctionName="f", Timeout=5)

    run(main())


def test_of_two_creations_at_once_one_wins(house: Any, run: Any) -> None:
    async def main() -> None:
        async with house() as h:
            done = await asyncio.gather(*(h.create() for _ in range(5)), return_exceptions=True)
            refused = [answer for answer in done if isinstance(answer, AwsError)]
            assert [error.code for error in refused] == ["ResourceConflictException"] * 4
            settings = await h.call("GetAccountSettings")
            assert settings["AccountUsage"]["FunctionCount"] == 1

    run(main())


def test_directories_that_nobody_holds_go_at_the_start(house: Any, run: Any, tmp_path: Path) -> None:
    async def main() -> None:
        async with house() as h:
            await h.create()
            await h.call("Invoke", FunctionName="f")
            held = h.workers.calls[0][0].code
            place = tmp_path / "functions" / "code"
            place.mkdir(parents=True)
            shutil.copytree(held, place / held.name)
            for name in ("a" * 64, ".half"):
                (place / name).mkdir()
            settings = SimpleNamespace(ephemeral=False, directory=tmp_path)
            packages.clean(SimpleNamespace(settings=settings, kv=h.kernel.machine.kv))  # type: ignore[arg-type]
            await h.until(lambda: [path.name for path in place.iterdir()] == [held.name])

    run(main())


def test_a_full_disk_is_told_clearly(house: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packages, "unpack", full)

    async def main() -> None:
        async with house() as h:
            with pytest.raises(AwsError, match="No space left on device") as caught:
                await h.create()
            assert (caught.value.code, caught.value.status) == ("ServiceException", 500)
            assert (await h.call("ListFunctions"))["Functions"] == []

    run(main())
