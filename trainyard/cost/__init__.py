"""What the resources of CloudFormation templates cost: read from templates alone, priced from one dated table."""
