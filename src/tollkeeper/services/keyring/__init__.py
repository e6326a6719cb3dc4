"""The installation's own secrets.

secrets_file.py  SecretsFile  the file beside the database that holds the pepper and the master key
master_key.py    MasterKey    encrypts and decrypts the secrets that are in the database
"""
