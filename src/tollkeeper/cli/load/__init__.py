"""`tollkeeper load`: requests to a gateway, as many as it bears or as many a second as asked, and what came of them.

command.py     the command
job.py         what is asked: of whom, how often, on how many connections
engine.py      who sends when, in a closed or an open loop; the end
client.py      one client: the connection it has, or opens
connection.py  one socket: a request, then its answer
reading.py     whether an answer is whole and good, and when its tokens came
tally.py       what came of all requests, while they run
histogram.py   any number of durations in little memory
result.py      what came of it, at the end
report.py      the same with what was asked, as JSON and in words
table.py       the report on a terminal
page.py        the report as a page of HTML
chart.py       one distribution as SVG
"""
