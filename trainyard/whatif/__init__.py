"""What a choice would cost: closed formulas over prices that are given or read from the dated table."""
