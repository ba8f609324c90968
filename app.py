"""One cloud assembly for every environment: `cdk synth`, `cdk deploy 'Local/**'`."""

from constructs_lib.values import explained

with explained():
    import aws_cdk as cdk

    from environments import ENVIRONMENTS
    from stacks.guardrails import STRICT, guard
    from stacks.platform_stage import PlatformStage

    app = cdk.App(post_cli_context=STRICT)
    for environment in ENVIRONMENTS:
        PlatformStage(app, environment)
    guard(app)
    app.synth()
