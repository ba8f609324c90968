"""From a variant's plan to what its instances run."""

from collections.abc import Callable
from pathlib import Path

from trainyard.local.api.service import Context
from trainyard.local.hosting.artifact import fetch, fetch_tree
from trainyard.local.hosting.container import Blueprint
from trainyard.local.hosting.many_models import ManyModels
from trainyard.local.hosting.pipeline import Pipeline
from trainyard.local.hosting.plan import ContainerPlan, VariantPlan
from trainyard.local.hosting.replica import Opening
from trainyard.local.images import local_image


def opening(context: Context, plan: VariantPlan, root: Path, cancelled: Callable[[], bool]) -> Opening:
    """Fetches what every instance of a variant needs before it starts.

    Args:
        context: the rest of the cloud.
        plan: the variant.
        root: folder of the variant's files.
        cancelled: asked now and then.

    Raises:
        ArtifactError: the model data cannot be had.
        ServiceError: the role or the image cannot be used any more.
    """
    if len(plan.containers) == 1:
        return _container(context, plan, plan.containers[0], root / "model.tar.gz", cancelled)
    found = [
        _container(context, plan, container, root / f"model-{number}.tar.gz", cancelled)
        for number, container in enumerate(plan.containers, start=1)
    ]
    return Pipeline(containers=[one for one in found if isinstance(one, Blueprint)], direct=plan.direct)


def _container(
    context: Context, plan: VariantPlan, container: ContainerPlan, archive: Path, cancelled: Callable[[], bool]
) -> Blueprint | ManyModels:
    platform = context.platform

    def s3() -> object:
        return platform.role_client("s3", plan.role, "SageMaker")

    if container.data_url and container.tree:
        archive = archive.with_suffix("")
        fetch_tree(s3, container.data_url, archive, plan.role)
    elif container.data_url and not container.many:
        fetch(s3, container.data_url, archive, plan.download_seconds, cancelled)
    image = local_image(container.image, context.environments, "Image")
    credentials = {} if plan.isolated else platform.role_environment(plan.role, "SageMaker")
    blueprint = Blueprint(
        archive=archive if container.data_url and not container.many else None,
        environment=image.folder,
        variables={**image.variables, "AWS_REGION": context.region, **credentials, **container.variables},
        derived=context.state / "model-server",
        endpoint_url=platform.endpoint_url,
        isolation=context.isolation,
        hostname=container.hostname,
        memory=plan.memory,
        instance_type=plan.instance_type,
        image=container.image,
    )
    if not container.many:
        return blueprint
    assert container.data_url, "CreateModel asks for it"
    room = plan.volume_gb << 30 if plan.volume_gb else None
    return ManyModels(container=blueprint, client=s3, prefix=container.data_url, keep=container.cache, room=room)
