"""Cloud assemblies (cdk.out), whoever's app wrote them."""
