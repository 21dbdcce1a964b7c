"""AMM: swaps through pools in the exact integer arithmetic of their contracts."""
