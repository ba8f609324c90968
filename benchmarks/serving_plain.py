"""A plain server of the same model: FastAPI on uvicorn, one process, as most tutorials serve one.

`python -m benchmarks.serving_plain GRAPH PORT`. A request is the tokens' bytes, the answer the classes'; onnxruntime
runs in FastAPI's thread pool, so requests run beside each other, but never as one batch.
"""

from __future__ import annotations

import sys
from pathlib import Path

import fastapi
import numpy as np
import uvicorn
from starlette.concurrency import run_in_threadpool

from benchmarks.serving_models import TOKENS, session


def application(graph: Path) -> fastapi.FastAPI:
    """The server of one graph."""
    app, engine = fastapi.FastAPI(), session(graph)

    @app.post("/")
    async def infer(request: fastapi.Request) -> fastapi.Response:
        tokens = np.frombuffer(await request.body(), dtype=np.int64).reshape(-1, TOKENS)
        (classes,) = await run_in_threadpool(engine.run, ["classes"], {"tokens": tokens})
        return fastapi.Response(classes.tobytes(), media_type="application/octet-stream")

    return app


if __name__ == "__main__":
    uvicorn.run(application(Path(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
