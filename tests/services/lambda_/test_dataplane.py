"""Downloads of code by signed URL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from cumulet.base.messages import Request
from cumulet.services.lambda_ import dataplane


def ask(house: Any, url: str, method: str = "GET") -> Any:
    parts = urlsplit(url)
    return dataplane.serve(house.kernel, Request(method, f"{parts.path}?{parts.query}", {}))


def test_the_location_serves_the_zip_while_its_signature_lasts(
    house: Any, run: Any, zipped: Callable[..., bytes]
) -> None:
    code = zipped("x = 1\n")

    async def main() -> None:
        async with house() as h:
            await h.create(Code={"ZipFile": code})
            url = (await h.call("GetFunction", FunctionName="f"))["Code"]["Location"]
            answer = ask(h, url)
            assert (answer.status, answer.body.length) == (200, len(code))
            assert await answer.body.read() == code
            head = ask(h, url, "HEAD")
            assert ("content-length", str(len(code))) in head.headers
            assert head.body == b""
            assert ask(h, url, "POST").status == 405
            assert ask(h, url.replace("Signature=", "Signature=0")).status == 403
            assert ask(h, url.replace("Signature=", "Signature=%FF")).status == 403
            assert ask(h, url.replace("Expires=", "Expires=9")).status == 403
            h.clock.advance(dataplane.SECONDS - 1)
            assert ask(h, url).status == 200
            h.clock.advance(2)
            assert ask(h, url).status == 403

    run(main())


def test_code_that_nobody_holds_is_gone(house: Any, run: Any) -> None:
    async def main() -> None:
        async with house() as h:
            await h.create()
            url = (await h.call("GetFunction", FunctionName="f"))["Code"]["Location"]
            await h.call("DeleteFunction", FunctionName="f")
            await h.idle()
            assert ask(h, url).status == 404

    run(main())


def test_layers_have_a_location_too(house: Any, run: Any, zipped: Callable[..., bytes]) -> None:
    code = zipped("y = 2\n", "python/lib.py")

    async def main() -> None:
        async with house() as h:
            made = await h.call("PublishLayerVersion", LayerName="l", Content={"ZipFile": code})
            assert await ask(h, made["Content"]["Location"]).body.read() == code

    run(main())
