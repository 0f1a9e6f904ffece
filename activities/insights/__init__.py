"""What the ledger shows when it is counted: each insight in a file, and what they are counted from."""
