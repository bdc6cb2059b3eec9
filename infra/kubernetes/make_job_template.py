"""Write `job-template.json`: the template of prefect-kubernetes with variables for a campaign's `resources`.

Needs prefect-kubernetes, which Overnight does not install:
    python -m venv k8s && k8s/bin/pip install -c constraints.txt prefect-kubernetes==0.8.0
    k8s/bin/python infra/kubernetes/make_job_template.py
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect_kubernetes.worker import (  # pyright: ignore[reportMissingImports]
    KubernetesWorker,
    KubernetesWorkerJobConfiguration,
)

# The name in a campaign's file, the name in Kubernetes, and the default of a pod.
RESOURCES = {"cpus": ("cpu", "1"), "gpus": ("nvidia.com/gpu", "0"), "memory": ("memory", "1000000000")}


def job_template() -> dict[str, Any]:
    """Return the template as it is written to the file."""
    template = KubernetesWorker.get_default_base_job_template()
    variables = template["variables"]["properties"]
    for name, (_, default) in RESOURCES.items():
        described = f"The campaign's `resources.{name}`, as request and limit."
        variables[name] = {"title": name, "description": described, "default": default, "type": "string"}
    asked = {kubernetes: f"{{{{ {name} }}}}" for name, (kubernetes, _) in RESOURCES.items()}
    job = template["job_configuration"]["job_manifest"]["spec"]
    [container] = job["template"]["spec"]["containers"]
    container["resources"] = {"requests": asked, "limits": asked}
    # The campaign itself decides about retries.
    job["backoffLimit"] = 0
    variables["image"]["default"] = "overnight:0.1.0"
    return template


async def check(template: dict[str, Any]) -> None:
    """Raise the error that a worker with this template would raise for a flow run that asks for resources."""
    asked = {"cpus": "2", "gpus": "1", "memory": "4000000000"}
    # The template names no block, so this client never sends a request.
    nobody = PrefectClient("http://127.0.0.1:9")
    configuration = await KubernetesWorkerJobConfiguration.from_template_and_values(template, asked, client=nobody)
    [container] = configuration.job_manifest["spec"]["template"]["spec"]["containers"]
    wanted = {kubernetes: asked[name] for name, (kubernetes, _) in RESOURCES.items()}
    assert container["resources"] == {"requests": wanted, "limits": wanted}, container


if __name__ == "__main__":
    made = job_template()
    asyncio.run(check(made))
    Path(__file__).with_name("job-template.json").write_text(json.dumps(made, indent=2, sort_keys=True) + "\n")
