"""Invoices and credit.

billing.py    drafts, finalizing, paying, voiding, credit notes, credit
parties.py    who issues invoices, and who pays them
"""
