"""The ledger's promises, each with its mechanism taken out: a test must fail then. `scripts/mutations` runs them.

table.py     what is taken out, and which tests must fail
run.py       takes each out of a copy of the tree, and runs them
sweep.py     changes every rule of a module, one at a time, and lists what no test notices
"""
