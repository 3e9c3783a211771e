"""What is said of the H20, how firmly, on which source, and could it go to China?

    python python_client.py http://127.0.0.1:8000

Needs: chiptrail, of which only kg/client.py and kg/errors.py are used.
"""

import datetime
import sys

from kg.client import Client
from kg.errors import UnknownName

api = Client(sys.argv[1])

chip = api.search("H20", types=["Chip"])[0]
print(chip["label"], chip["iri"])

# A claim is what a document says. Its hedge and its verdict say what to make of it.
for claim in api.claims(about=chip["id"]):
    verdicts = ", ".join(found["verdict"]["label"] for found in claim.get("verdicts", []))
    said_in = claim["source"]["label"]
    print(f"{claim['id']}  {claim['hedge']['label']}  [{verdicts or 'unchecked'}]  {said_in}")
    print(f"    {claim['label']}")

status = api.control_status(chip["id"], "CN", datetime.date(2025, 5, 1))
print(status["explanation"])
for citation in status["citations"]:
    print("   ", citation["label"], citation["url"] or "")
print(status["notice"])

# Every answer names the version of the data that it was made from.
print("data version", api.version)

# Errors are those of kg.errors, and say what would have been right.
try:
    api.control_status("H21", "CN", datetime.date(2025, 5, 1))
except UnknownName as error:
    print(error)
