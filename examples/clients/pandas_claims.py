"""All claims as a table: how firmly does each article speak, and what did checking find?

    python pandas_claims.py http://127.0.0.1:8000

Needs: pip install pandas
"""

import re
import sys
import urllib.request

import pandas as pd

base = sys.argv[1]

# A list is as CSV what it is as JSON: at most 500 records, and a link to the next.
pages, path = [], "/api/claims.csv?limit=100"
while path:
    with urllib.request.urlopen(base + path) as answer:
        pages.append(pd.read_csv(answer))
        link = re.match(r'<([^>]*)>; rel="next"', answer.headers.get("Link", ""))
    path = link[1] if link else None
claims = pd.concat(pages, ignore_index=True)

print(f"{len(claims)} claims")
print(pd.crosstab(claims["source"], claims["hedge"]).to_string())

# A claim may be checked more than once. By SPARQL, verdicts come one in a row.
query = """
PREFIX ct: <https://w3id.org/chiptrail/ont#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
SELECT (REPLACE(STR(?claim), ".*/", "") AS ?id) ?verdict
{ ?check ct:assesses ?claim ; ct:verdict/rdfs:label ?verdict }
"""
request = urllib.request.Request(
    f"{base}/sparql",
    query.encode(),
    {"Accept": "text/csv", "Content-Type": "application/sparql-query"},
)
with urllib.request.urlopen(request) as answer:
    verdicts = pd.read_csv(answer)

checked = claims.merge(verdicts, on="id")
print(pd.crosstab(checked["hedge"], checked["verdict"]).to_string())
