"""One cloud assembly for every environment: `cdk synth`, `cdk deploy 'Local/**'`."""

from constructs_lib.values import explained

with explained():
    import aws_cdk as cdk

    from environments import ENVIRONMENTS
    from stacks.delivery import DeliveryStack
    from stacks.guardrails import STRICT, guard
    from stacks.platform_stage import PlatformStage

    app = cdk.App(post_cli_context=STRICT)
    for environment in ENVIRONMENTS:
        PlatformStage(app, environment)
        if environment.delivery:
            DeliveryStack(app, environment=environment, github=environment.delivery)
    guard(app)
    app.synth()
