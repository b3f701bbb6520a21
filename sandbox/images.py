"""Building the sandbox images from the Dockerfile beside this file, with nothing else in the build context."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sandbox.base import Device, Framework, SandboxUnavailable
from sandbox.engine import engine, image_id, tag

if TYPE_CHECKING:
    from docker import DockerClient

TORCH = "2.13.0"
BUILD_TIMEOUT_S = 3600


def build_images(base: str, torch: bool = False, cuda: bool = False) -> Iterator[str]:
    """Build the NumPy image, with `torch` the torch image, with `cuda` that for a card; yield one line per step.

    Raises SandboxUnavailable when no engine answers or a build fails.
    """
    with engine(BUILD_TIMEOUT_S) as client:
        images: list[tuple[Framework, Device, bool]] = [
            ("numpy", "cpu", True),
            ("torch", "cpu", torch),
            ("torch", "cuda", cuda),
        ]
        for framework, device in [(framework, device) for framework, device, wanted in images if wanted]:
            yield f"building {tag(framework, device)} from {base}"
            _build(client, base, framework, device)
            yield f"{tag(framework, device)} is ready: {image_id(client, framework, device)}"


def _build(client: DockerClient, base: str, framework: Framework, device: Device) -> None:
    from docker.errors import APIError, BuildError

    name = tag(framework, device)
    arguments = {
        "BASE": base,
        "NUMPY": ".".join(np.__version__.split(".")[:2]) + ".*",
        "TORCH": TORCH if framework == "torch" else "",
    }
    if device == "cuda":
        arguments["TORCH_INDEX"] = ""  # the package index's own torch is built with CUDA
    try:
        client.images.build(
            fileobj=_context(), custom_context=True, tag=name, buildargs=arguments, rm=True, forcerm=True
        )
    except (APIError, BuildError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SandboxUnavailable(f"{name} cannot be built from {base}: {reason}") from error


def _context() -> io.BytesIO:
    """Return a tar archive that holds the Dockerfile alone."""
    text = (Path(__file__).parent / "Dockerfile").read_bytes()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    archive.seek(0)
    return archive
