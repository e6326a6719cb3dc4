"""Invoices on paper and in spreadsheets, made of their JSON form.

amounts.py  amounts of money as invoices show them
rows.py     an invoice's lines as CSV
markup.py   elements of HTML, with their texts escaped
page.py     an invoice as one HTML document, which prints on A4
style.py    the document's style, and the content security policy that allows it
"""
