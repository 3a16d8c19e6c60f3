"""Serve with BentoML.

Lives here: the service that `bentoml serve TAG` runs: the same application, mounted.
Not here: our own targets, which run the application directly (server).
Law: a bento answers as our targets do.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import bentoml
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from mlops.workloads.serving.app import Application
from mlops.workloads.serving.cross_origin import with_cross_origin

_FOLDER = Path(__file__).resolve().parents[3] / "model"
_NAME = json.loads((_FOLDER / "package.json").read_text())["name"]
# Starlette types what it receives from as awaitable; every server hands in a coroutine.
_served = Application(_FOLDER, "bento")
_application = Starlette(routes=[Mount("/", app=cast(ASGIApp, with_cross_origin(_served, _served.origins)))])


@bentoml.service(name=_NAME)
@bentoml.asgi_app(_application, path="/")
class Service:
    """A model behind `/predict`; see `/openapi.json`."""
