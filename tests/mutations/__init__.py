"""The ledger's promises, and the checks of signing in, each with its mechanism taken out: a test must fail then.
`scripts/mutations` runs them.

mutation.py  a mechanism that can be taken out
table.py     what is taken out, and which tests must fail
sign_in.py   the part of it about signing in
run.py       takes each out of a copy of the tree, and runs them
sweep.py     changes every rule of a module, one at a time, and lists what no test notices
"""
