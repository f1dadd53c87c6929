"""The console: server-rendered pages for the people who run a site, usable without scripts."""

from fastapi import FastAPI

from doorward_controller.console.app import build
from doorward_controller.console.demo_port import DemoControls


def mount(app: FastAPI, demo: DemoControls | None = None) -> None:
    """Puts the console at the root of `app`; call it after every other route.

    `app.state.backend` is what the pages read and act on. With `demo` there is a page for it.
    """
    console = build()
    console.state.backend = app.state.backend
    console.state.demo = demo
    app.mount("", console, name="console")
